# Times mash() against mashr on the same inputs.   Rscript bench/mash.R [FOLDER] [CASE ...]
#
# FOLDER (default: demo-output/bench) keeps one file per package and case. What it holds of mashr is
# used again, since mashr needs minutes; mnmash is always run anew. mashr is optional: without it
# (and without kept results) only mnmash is timed. Ratios are printed only if the answers agree.
# Writes FOLDER/mash.md.
source("bench/cases.R")
arguments <- commandArgs(trailingOnly = TRUE)
folder <- if (length(arguments)) arguments[1L] else "demo-output/bench"
cases <- if (length(arguments) > 1L) arguments[-1L] else names(mash_cases)
packages <- strsplit(Sys.getenv("MNMASH_BENCH_PACKAGES", "mashr mnmash"), " ")[[1L]]
dir.create(folder, recursive = TRUE, showWarnings = FALSE)
single <- c("OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1")

result_file <- function(package, case) file.path(folder, paste0(package, "-", case, ".rds"))

run_case <- function(package, case) {
  file <- result_file(package, case)
  kept <- package != "mnmash" && file.exists(file)
  wanted <- package %in% packages && (package == "mnmash" || mash_cases[[case]]$peer)
  if (!kept && wanted && nzchar(system.file(package = package))) {
    message("Running ", case, " with ", package)
    peer <- if (package == "mnmash") Filter(file.exists, result_file("mashr", case))
    unlink(file)
    script <- c("bench/run-case.R", package, case, shQuote(file), shQuote(peer))
    system2(file.path(R.home("bin"), "Rscript"), script[nzchar(script)], env = single)
  }
  if (file.exists(file)) readRDS(file)
}

agrees <- function(check) {
  abs(check$loglik_at_peer_g) < 1e-5 && check$mean_at_peer_g < 1e-6 &&
    check$lfsr_at_peer_g < 1e-6 && check$objective_gain > -1e-6
}

row_of <- function(case) {
  theirs <- run_case("mashr", case)
  ours <- run_case("mnmash", case)
  shown <- if (is.null(ours)) theirs else ours
  if (is.null(shown)) {
    return(NULL)
  }
  ratio <- if (is.null(ours) || is.null(theirs)) {
    ""
  } else if (is.null(ours$check) || !agrees(ours$check)) {
    "ANSWERS DIFFER"
  } else {
    sprintf("%.0fx", theirs$cpu / ours$cpu)
  }
  number <- function(format, x) if (is.null(x)) "" else sprintf(format, x)
  target <- mash_cases[[case]]$target
  data.frame(
    case = sub("_", " ", case), components = shown$P, scales = shown$scales,
    threads = shown$threads,
    `mashr CPU s` = number("%.2f", theirs$cpu), `mnmash CPU s` = number("%.3f", ours$cpu),
    `mnmash wall s` = number("%.3f", ours$wall),
    ratio = ratio, wanted = if (is.na(target)) "" else paste0(target, "x"),
    `objective gain` = number("%.1e", ours$check$objective_gain),
    `mean differs (same g)` = number("%.0e", ours$check$mean_at_peer_g),
    `mashr peak MB` = number("%.0f", theirs$peak_mb),
    `mnmash peak MB` = number("%.0f", ours$peak_mb),
    `J x P matrix MB` = sprintf("%.0f", shown$matrix_mb),
    `sharing CPU s` = number("%.3f", ours$sharing_cpu),
    check.names = FALSE
  )
}

rows <- do.call(rbind, lapply(cases, row_of))
if (is.null(rows)) {
  stop("neither mashr nor mnmash is installed, and ", folder, " holds no results")
}
cell_line <- function(cells) paste("|", paste(cells, collapse = " | "), "|")
table <- c(
  cell_line(names(rows)), cell_line(rep("---", ncol(rows))), apply(rows, 1L, cell_line)
)
kept <- lapply(list.files(folder, "[.]rds$", full.names = TRUE), readRDS)
tools <- unique(vapply(kept, \(x) paste0(x$package, " ", x$version, " (BLAS: ", x$blas, ")"), ""))
table <- c(table, "", paste(tools, collapse = "; "))
writeLines(table, file.path(folder, "mash.md"))
writeLines(table)
