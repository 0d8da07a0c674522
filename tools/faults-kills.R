# The table of killed processes of tools/faults.R, which has `folder`, `path`, `need` and the like.

# What a killed process was at: each writes files into `out`, from what is in `given`.
killed_calls <- function(given) {
  file <- \(...) dQuote(file.path(given, ...), FALSE)
  cli <- \(...) {
    words <- c(...)
    paste0("stopifnot(mnmash_cli(c(", paste(words, collapse = ", "), ", '--cwd', out)) == 0)")
  }
  list(
    `each_region()` = "each_region(x, \\(i) rnorm(1e5) + i, folder = out, seed = 1)",
    `mash_stream()` = "mash_stream(fit, chunk, 40, out, n_samples = 50)",
    `mash_fit_chunks()` =
      "mash_fit_chunks(fit, chunk, 8, checkpoint = out, control = list(tol = 1e-12))",
    `mash_posterior()` = "mash_posterior(fit, parts, folder = out, output_posterior_cov = TRUE)",
    `posterior_contrast()` = "posterior_contrast(fit, parts, folder = out)",
    `mnmash posterior` = cli(
      "'posterior'", "'--analysis-units'", file("units.txt"), "'--mash-model'", file("fit.rds"),
      "'--output'", "out"
    ),
    `mnmash steps of a pipeline` = paste(
      "for (step in c('pca', 'canonical', 'vhat_simple', 'flash', 'ed_bovy'))",
      cli("step", "'--data'", file("input.rds"), "'--output-prefix'", "'t'")
    )
  )
}

killed_begin <- function(given) {
  c(
    "suppressPackageStartupMessages(library(mnmash)); options(mnmash.threads = 1)",
    sprintf("made <- readRDS(%s); list2env(made, globalenv())",
            dQuote(file.path(given, "made.rds"), FALSE)),
    "chunk <- \\(i) { rows <- 400 * (i - 1) + 1:400",
    "  list(Bhat = sims$Bhat[rows, ], Shat = sims$Shat[rows, ]) }",
    "x <- stats::setNames(as.list(1:40), paste0('r', 1:40))",
    "parts <- lapply(x, \\(i) mash_set_data(chunk(i)$Bhat, chunk(i)$Shat))",
    "out <- commandArgs(TRUE); cat('begun\\n')"
  )
}

# Data, fits and files that the calls above start from.
prepare_kills <- function(given) {
  dir.create(given)
  set.seed(1)
  sims <- simple_sims(nsamp = 4000, ncond = 5, err_sd = 0.5)
  sims <- sims[c("Bhat", "Shat")]
  data <- mash_set_data(sims$Bhat[seq(1, 16000, 40), ], sims$Shat[seq(1, 16000, 40), ])
  fit <- mash(data, cov_canonical(data), verbose = FALSE, outputlevel = 1)
  saveRDS(list(sims = sims, fit = fit), file.path(given, "made.rds"))
  saveRDS(fit, file.path(given, "fit.rds"))
  names <- paste0("u", 1:30, ".rds")
  for (i in 1:30) {
    rows <- 400 * (i - 1) + 1:400
    saveRDS(list(bhat = sims$Bhat[rows, ], sbhat = sims$Shat[rows, ]), file.path(given, names[i]))
  }
  writeLines(names, file.path(given, "units.txt"))
  saveRDS(simulate_mash_input(300, 300, 300, 5, seed = 1), file.path(given, "input.rds"))
}

# A child that writes is killed when there are some files more, and a moment later, again and again;
# then the call is finished, and what it wrote compared with that of a call that was left alone.
kills <- function(n = 9L) {
  unlink(list.files(folder, full.names = TRUE), recursive = TRUE)
  given <- path("given")
  prepare_kills(given)
  script <- path("script.R")
  set.seed(3)
  total <- 0
  shown <- \(out) list.files(out, all.files = TRUE, no.. = TRUE, recursive = TRUE)
  for (name in names(killed_calls(given))) {
    writeLines(c(killed_begin(given), paste0(
      "invisible({", killed_calls(given)[[name]], "})"
    )), script)
    run <- \(out) {
      system(paste(rscript, shQuote(script), shQuote(out), ">", shQuote(path("log")), "2>&1"))
    }
    whole <- path("whole")
    dir.create(whole)
    if (run(whole) != 0) stop(name, ": ", paste(readLines(path("log")), collapse = " "))
    right <- shown(whole)
    out <- path("killed")
    dir.create(out)
    bad <- parts <- seen <- done <- 0
    for (i in seq_len(n)) {
      before <- length(shown(out))
      # Beginnings are as likely as ends, and each is nearer to the end.
      more <- sample(0:max(1L, ceiling(length(right) / n)), 1L)
      killed <- kill_when(script, out, \() length(shown(out)) >= before + more)
      done <- done + killed
      files <- shown(out)
      part <- startsWith(basename(files), ".part-")
      parts <- parts + sum(part)
      seen <- seen + sum(!part)
      rds <- files[!part & endsWith(files, ".rds")]
      bad <- bad + sum(!vapply(file.path(out, rds), \(f) is.null(space$rds_damage(f)), NA))
    }
    finished <- run(out) == 0
    read <- \(f) if (endsWith(f, ".rds")) readRDS(f) else readLines(f)
    same <- finished && setequal(right, shown(out)) && isTRUE(all.equal(
      lapply(file.path(whole, right), read), lapply(file.path(out, right), read), tolerance = 0
    ))
    cat(sprintf(
      "%-34s %d kills while it ran, %d files seen, %d not whole, %d parts left and removed, %s\n",
      name, done, seen, bad, parts, if (same) "resumed: identical" else "DIFFERENT"
    ))
    total <- total + done
    need(bad == 0 && same, name)
    unlink(c(whole, out, path("log")), recursive = TRUE)
  }
  cat(total, "kills\n")
}

# Whether the child was killed before its own end.
kill_when <- function(script, out, ready) {
  log <- path("log")
  pid <- path("pid")
  unlink(c(log, pid))
  system(sprintf(
    "sh -c 'echo $$ > %s; exec %s %s %s > %s 2>&1' &", pid, file.path(R.home("bin"), "Rscript"),
    script, out, log
  ))
  while (!file.exists(pid) || !length(number <- readLines(pid))) Sys.sleep(0.01)
  number <- as.integer(number)
  runs <- \() {
    state <- suppressWarnings(try(readLines(sprintf("/proc/%d/stat", number)), silent = TRUE))
    !inherits(state, "try-error") && !grepl(") Z ", state, fixed = TRUE)
  }
  begun <- \() file.exists(log) && any(readLines(log, warn = FALSE) == "begun")
  while (runs() && !(begun() && ready())) Sys.sleep(0.005)
  Sys.sleep(stats::runif(1, 0, 0.15))
  killed <- runs()
  tools::pskill(number, tools::SIGKILL)
  while (runs()) Sys.sleep(0.01)
  killed
}
