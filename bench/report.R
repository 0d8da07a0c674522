# Tables of the last run: bench/results/*.csv, *.md, and the section of bench/README.md.

cell_line <- function(cells) paste("|", paste(cells, collapse = " | "), "|")
markdown <- function(table) {
  c(cell_line(names(table)), cell_line(rep("---", ncol(table))), apply(table, 1L, cell_line))
}
seconds <- function(x) {
  if (is.null(x)) {
    return("")
  }
  if (x < 1) sprintf("%.2g", x) else sprintf("%.*f", if (x < 10) 2L else 0L, x)
}

machine <- function() {
  cpu <- grep("^model name", readLines("/proc/cpuinfo"), value = TRUE)
  flags <- grep("^flags", readLines("/proc/cpuinfo"), value = TRUE)[1L]
  wide <- c("avx512f", "avx2")[c(grepl("avx512f", flags), grepl("avx2", flags))][1L]
  load <- strsplit(readLines("/proc/loadavg"), " ")[[1L]][1L]
  c(
    sprintf(
      "%s, %d cores, %s; R %s, LAPACK %s on one thread, mnmash %s.", sub(".*: ", "", cpu[1L]),
      length(cpu), wide, getRversion(), basename(La_library()),
      utils::packageVersion("mnmash")
    ),
    sprintf("Written %s; load of the machine at the end: %s.", format(Sys.Date()), load)
  )
}

# Whether a peer is in its own library or the usual ones.
installed <- function(package) {
  libraries <- c(Filter(nzchar, Sys.getenv("MNMASH_PEERS")), .libPaths())
  nzchar(system.file(package = package, lib.loc = libraries))
}

# One line of the table of cases; NULL where the case has not run.
case_row <- function(name, folder) {
  read <- function(side) {
    file <- file.path(folder, paste0(name, "-", side, ".rds"))
    if (file.exists(file)) readRDS(file)
  }
  one <- read("mnmash-1")
  if (is.null(one)) {
    return(NULL)
  }
  two <- read("mnmash-2")
  peer <- read("peer")
  agreed <- is.null(one$checks) || all(one$checks$ok)
  package <- cases[[name]]$package
  comparison <- if (is.null(package)) {
    "none"
  } else if (is.null(peer)) {
    if (installed(package)) "not run" else "not installed"
  } else if (!agreed) {
    "answers differ"
  } else {
    sprintf("%.*f x", if (peer$cpu < 10 * one$cpu) 1L else 0L, peer$cpu / one$cpu)
  }
  number <- \(x) if (is.null(x)) NA_real_ else x
  list(
    shown = data.frame(
      case = name, size = one$size, `CPU s` = seconds(one$cpu), `wall s` = seconds(one$wall),
      `wall s, two threads` = seconds(two$wall),
      `same bits` = if (is.null(two)) "" else if (one$digest == two$digest) "yes" else "NO",
      `peak MB` = sprintf("%.0f", one$peak),
      peer = if (is.null(package)) "" else paste(c(package, peer$version), collapse = " "),
      `its CPU s` = seconds(peer$cpu),
      `its peak MB` = if (is.null(peer)) "" else sprintf("%.0f", peer$peak), ratio = comparison,
      check.names = FALSE
    ),
    csv = data.frame(
      case = name, size = one$size, runs = one$runs, cpu_1 = one$cpu, wall_1 = one$wall,
      cpu_2 = number(two$cpu), wall_2 = number(two$wall),
      same_bits = if (is.null(two)) NA else one$digest == two$digest,
      peak_mb = one$peak, rise_mb = one$rise, peer = if (is.null(package)) "" else package,
      peer_version = if (is.null(peer)) "" else peer$version, peer_runs = number(peer$runs),
      peer_cpu = number(peer$cpu), peer_wall = number(peer$wall), peer_peak_mb = number(peer$peak),
      peer_rise_mb = number(peer$rise), agreed = agreed
    ),
    checks = if (!is.null(one$checks)) cbind(case = name, one$checks)
  )
}

write_cases <- function(names, folder) {
  rows <- Filter(Negate(is.null), lapply(names, case_row, folder))
  if (!length(rows)) {
    return(invisible())
  }
  pick <- \(what) do.call(rbind, lapply(rows, `[[`, what))
  csv <- pick("csv")
  numeric <- vapply(csv, is.numeric, NA)
  csv[numeric] <- lapply(csv[numeric], signif, 4)
  utils::write.csv(csv, "bench/results/cases.csv", row.names = FALSE)
  checks <- pick("checks")
  shown <- data.frame(
    case = checks$case, what = checks$what, value = sprintf("%.1e", checks$value),
    within = sprintf("%.0e", checks$within), holds = ifelse(checks$ok, "yes", "NO")
  )
  lines <- c(
    "#### Times and memory", "", markdown(pick("shown")), "", "#### What was checked", "",
    markdown(shown)
  )
  writeLines(lines, "bench/results/cases.md")
}

# The table of the core's kernels, from what the example `roofline` printed.
write_roofline <- function() {
  file <- "bench/results/roofline.csv"
  if (!file.exists(file)) {
    return(invisible())
  }
  x <- utils::read.csv(file, check.names = FALSE, colClasses = "character")
  writeLines(
    c("#### Kernels against the machine's peak", "", markdown(x)), "bench/results/roofline.md"
  )
}

# The tables, between the markers of bench/README.md.
write_readme <- function() {
  file <- "bench/README.md"
  text <- readLines(file)
  at <- match(c("<!-- results -->", "<!-- end of results -->"), text)
  parts <- file.path("bench/results", c("cases.md", "scaling.md", "roofline.md"))
  read <- \(part) c(readLines(part), "")
  middle <- c(machine(), "", unlist(lapply(Filter(file.exists, parts), read)))
  writeLines(c(text[seq_len(at[1L])], "", middle, text[at[2L]:length(text)]), file)
  writeLines(middle)
}

report <- function(names, folder) {
  write_cases(names, folder)
  write_roofline()
  write_readme()
}
