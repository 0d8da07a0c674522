# Tables of what happens when the machine fails, run by tools/faults.sh with the installed package:
#
#   Rscript tools/faults.R flips FOLDER             1,000 damages of each kind of file
#   Rscript tools/faults.R disk FOLDER              every amount of room, on a small file system
#   Rscript tools/faults.R kills FOLDER             processes killed while they write
#   Rscript tools/faults.R memory FOLDER [CALLS]    limits of the address space
#
# Exit status 1 if anything is lost, wrong, or ends R.
suppressPackageStartupMessages(library(mnmash))
options(mnmash.threads = 1, width = 120)
given <- commandArgs(TRUE)
table <- given[1L]
folder <- given[2L]
pattern <- if (length(given) > 2L) given[3L] else ""
space <- asNamespace("mnmash")
rscript <- shQuote(file.path(R.home("bin"), "Rscript"))
set.seed(1)
sims <- simple_sims(nsamp = 100, ncond = 3, err_sd = 0.5)
data <- mash_set_data(sims$Bhat, sims$Shat)
fit <- mash(data, cov_canonical(data), verbose = FALSE)
chunk <- function(i) {
  rows <- 100 * (i - 1) + 1:100
  list(Bhat = sims$Bhat[rows, ], Shat = sims$Shat[rows, ])
}
path <- function(...) file.path(folder, ...)
outcome <- function(code) {
  tryCatch({
    suppressMessages(code)
    "value"
  }, mnmash_error = \(e) "classed error", error = \(e) paste("plain:", conditionMessage(e)))
}
show <- function(name, found) {
  counts <- base::table(found)
  cat(sprintf("%-34s %s\n", name, paste(counts, names(counts), collapse = ", ")))
}
failed <- 0
need <- function(good, what) {
  if (!all(good)) {
    failed <<- failed + 1
    cat("  FAILED:", what, sum(!good), "of", length(good), "\n")
  }
}

# What each kind of file is made by, and read by again.
kinds <- function() {
  regions <- \() {
    each_region(list(a = 1, b = 2), \(x) rnorm(300) + x, folder = path("regions"), seed = 1)
  }
  stream <- \() mash_stream(fit, chunk, 2, path("stream"), n_samples = 5)
  passes <- \() mash_fit_chunks(fit, chunk, 2, checkpoint = path("passes"))
  prior <- path("prior.rds")
  list(
    `note of a folder` = list(make = regions, file = path("regions", ".mnmash-job.rds")),
    `result of a region` = list(make = regions, file = path("regions", "b.rds")),
    `chunk of posteriors` = list(make = stream, file = path("stream", "posterior-00000002.rds")),
    `note of a checkpoint` = list(make = passes, file = path("passes", ".mnmash-job.rds")),
    `pass of a checkpoint` = list(make = passes, file = path("passes", "pass-001.rds")),
    `prior, compressed` = list(
      make = \() if (!file.exists(prior)) space$save_rds(as_prior(fit), prior, 6L),
      read = \() space$resolve_prior(space$read_rds(prior, "prior"), NULL, "prior"), file = prior
    ),
    `prior, level 0` = list(
      make = \() if (!file.exists(prior)) space$save_rds(as_prior(fit), prior, 0L),
      read = \() space$read_rds(prior, "prior"), file = prior
    )
  )
}

damaged <- function(bytes) {
  kind <- sample(4L, 1L)
  if (kind == 4L) return(bytes[seq_len(sample(length(bytes), 1L) - 1L)])
  at <- sample(length(bytes), kind)
  bytes[at] <- xor(bytes[at], as.raw(sample(255L, kind, TRUE)))
  bytes
}

# Each kind in a child, whose death would be seen. What is read is an error, or what was written.
flips <- function(n = 1000L) {
  for (name in names(kinds())) {
    kind <- kinds()[[name]]
    job <- parallel::mcparallel({
      unlink(list.files(folder, full.names = TRUE), recursive = TRUE)
      kind$make()
      whole <- readBin(kind$file, "raw", 1e7)
      right <- readRDS(kind$file)
      set.seed(2)
      vapply(seq_len(n), \(i) {
        writeBin(damaged(whole), kind$file)
        direct <- outcome(value <- space$read_rds(kind$file, "data"))
        if (direct == "value" && !identical(value, right)) direct <- "WRONG VALUE"
        # The call that reads it, for some: results are made again, notes are errors.
        used <- if (i <= 100L) outcome((kind$read %||% kind$make)()) else "value"
        again <- used == "value" && i <= 100L && is.null(kind$read)
        if (again && !identical(readRDS(kind$file), right)) used <- "WRONG RESULT"
        if (startsWith(used, "plain") || startsWith(used, "WRONG")) used else direct
      }, "")
    })
    found <- parallel::mccollect(job)[[1L]]
    if (is.null(found)) found <- rep("R DIED", n)
    show(name, found)
    need(found %in% c("classed error", "value"), name)
  }
}
`%||%` <- function(a, b) if (is.null(a)) b else a

# `folder` is on a small file system: `pad` leaves so many pages.
disk <- function(page = 4096) {
  pad <- path("pad")
  room <- file.size(pad)
  # Room that is taken, and not only said to be; what was freed comes back after a moment.
  leave <- \(pages) {
    unlink(pad)
    if (room == pages * page) return(invisible())
    size <- format(room - pages * page, scientific = FALSE)
    for (attempt in 1:100) {
      if (!system2("fallocate", c("-l", size, shQuote(pad)), stderr = FALSE)) return(invisible())
      Sys.sleep(0.02)
    }
    stop("no room in ", folder)
  }
  picture <- ggplot2::ggplot(data.frame(x = 1:500, y = sin(1:500)), ggplot2::aes(x, y)) +
    ggplot2::geom_point()
  x <- rnorm(2900)
  writers <- list(
    `rds of 23 kB, level 0` = list(\(f) space$save_rds(x, f, 0L), "a.rds"),
    `rds of 22 kB, level 6` = list(\(f) space$save_rds(x, f, 6L), "b.rds"),
    `rds of 480 kB, level 0` = list(\(f) space$save_rds(rep(x, 20), f, 0L), "c.rds"),
    `csv of 90 kB` = list(\(f) space$write_table(data.frame(a = x, b = x), f), "d.csv"),
    `picture, pdf` = list(\(f) space$save_picture(picture, f, 4, 4), "e.pdf"),
    `picture, png` = list(\(f) space$save_picture(picture, f, 4, 4), "f.png"),
    `results of each_region()` = list(\(f) {
      each_region(list(a = 1, b = 2, c = 3), \(i) rnorm(1500) + i, folder = dirname(f), seed = 1)
    }, file.path("g", "c.rds")),
    `checkpoint` = list(
      \(f) mash_fit_chunks(fit, chunk, 4, checkpoint = dirname(f)), file.path("h", "pass-001.rds")
    )
  )
  for (name in names(writers)) {
    write <- writers[[name]][[1L]]
    file <- path(writers[[name]][[2L]])
    clear <- \() unlink(c(setdiff(list.files(folder, full.names = TRUE), pad)), recursive = TRUE)
    contents <- \() {
      all <- list.files(folder, recursive = TRUE, all.files = TRUE)
      all <- setdiff(all, "pad")
      lapply(stats::setNames(nm = all), \(f) readBin(path(f), "raw", 1e6))
    }
    leave(room / page)
    suppressMessages(write(file))
    right <- contents()
    # A checkpoint has more on the way than at the end.
    pages <- sum(vapply(right, \(b) ceiling(length(b) / page), 0))
    pages <- pages + if (name == "checkpoint") 12 else 3
    without_date <- \(b) if (is.raw(b)) {
      text <- rawToChar(b[b > 0 & b < 128])
      gsub("/(Creation|Mod)Date [^\n]*", "", text)
    }
    found <- vapply(seq(0, pages), \(k) {
      clear()
      leave(k)
      said <- outcome(write(file))
      left <- contents()
      whole <- vapply(path(names(left)), \(f) is.null(space$rds_damage(f)), NA)
      names(whole) <- names(left)
      leave(room / page)
      # Sums of chunks are there only until a pass is whole.
      own <- vapply(names(left), \(f) {
        if (is.null(right[[f]])) return(whole[[f]])
        identical(without_date(left[[f]]), without_date(right[[f]]))
      }, NA)
      if (!all(own)) return(paste("TRUNCATED:", names(left)[!own][1L]))
      if (said == "value" && length(left) != length(right)) return("LOST")
      # Where there is room again the same call finishes the work.
      suppressMessages(write(file))
      after <- contents()
      same <- identical(lapply(after, without_date), lapply(right[names(after)], without_date))
      if (!same || length(after) != length(right)) return("NOT RESUMED")
      said
    }, "")
    clear()
    show(name, found)
    need(found %in% c("classed error", "value"), name)
  }
}

# What a call ends in under a limit of the address space, in MB.
memory <- function(limits = c(400, 500, 600, 700, 850, 1000, 1300)) {
  begin <- c(
    "suppressPackageStartupMessages(library(mnmash)); options(mnmash.threads = 2); set.seed(1)",
    "wide <- \\() mash_set_data(matrix(rnorm(2e6), 1e5), 1)",
    "small <- mash_set_data(matrix(rnorm(300), 100), 1)"
  )
  calls <- c(
    `mash, 1e5 x 20` = "d <- wide(); mash(d, cov_canonical(d), verbose = FALSE, outputlevel = 1)",
    `mash, all likelihoods held` =
      "options(mnmash.memory = 1e12); d <- wide(); mash(d, cov_canonical(d), verbose = FALSE)",
    `mixture_weights, 1e5 x 200` = "mixture_weights(matrix(rnorm(2e7), 1e5))",
    `posterior covariances` =
      "m <- mash(small, cov_canonical(small), verbose = FALSE)
       d <- mash_set_data(matrix(rnorm(3e6), 1e6), 1)
       mash_compute_posterior_matrices(m, d, output_posterior_cov = TRUE)",
    `ed, 1e5 x 20` = "d <- wide(); cov_ed(d, cov_pca(d, 3), maxiter = 3)",
    `ud_fit, 1e5 x 20` = "d <- wide(); ud_fit(d, K = 2, max_iter = 2)",
    `mr_ash, 500 x 40,000` =
      "X <- matrix(rnorm(2e7), 500); mr_ash(X, X[, 1] + rnorm(500), max_iter = 3)",
    `mr_mash, 300 x 20,000` =
      "X <- matrix(rnorm(6e6), 300); Y <- X[, 1:5] + rnorm(1500)
       mr_mash(X, Y, list(diag(5)), max_iter = 2)",
    `mr_mash, missing responses` =
      "X <- matrix(rnorm(3e6), 300); Y <- X[, 1:5] + rnorm(1500); Y[1:3, 1] <- NA
       mr_mash(X, Y, list(diag(5)), max_iter = 2)",
    `finemap, 3,000 x 4,000` =
      "X <- matrix(rnorm(1.2e7), 3000)
       finemap(finemap_data(X, X[, 1] + rnorm(3000)), list(matrix(0.1)), L = 2, max_iter = 2)",
    `finemap, missing responses` =
      "X <- matrix(rnorm(2e6), 500); Y <- X[, 1:5] + rnorm(2500); Y[1:3, 1] <- NA
       finemap(finemap_data(X, Y), list(diag(0.1, 5)), L = 2, V = diag(5), max_iter = 2)",
    `fqtl, 500 x 2,000 x 1,000` =
      "X <- matrix(rnorm(1e6), 500); Y <- matrix(rnorm(5e5), 500) + X[, 1]
       fqtl(Y, X, K = 1, max_iter = 3)",
    `fqtl_factorize, 2,000 x 3,000` =
      "fqtl_factorize(matrix(rnorm(6e6), 2000), K = 2, max_iter = 3)",
    `enrich, 2e5 x 20` =
      "loci <- data.frame(locus = rep(1:2000, each = 100), z = rnorm(2e5, sd = 2))
       A <- matrix(rnorm(4e6), 2e5, dimnames = list(NULL, 1:20))
       enrich(loci, annotations = A, max_iter = 3)",
    `cov_flash, 1e5 x 20` = "d <- wide(); cov_flash(d, greedy_args = list(Kmax = 2))"
  )
  script <- path("script.R")
  calls <- calls[grepl(pattern, names(calls))]
  for (name in names(calls)) {
    writeLines(c(
      begin, sprintf("r <- tryCatch({ local({ %s }); 'value' }, error = \\(e) {", calls[[name]]),
      "  if (inherits(e, 'mnmash_error_memory')) return('memory error')",
      "  paste('R error:', conditionMessage(e)) })",
      "invisible(gc())",
      "again <- tryCatch(",
      "  is.finite(get_loglik(mash(small, cov_canonical(small), verbose = FALSE))),",
      "  mnmash_error_memory = \\(e) TRUE)",
      "cat('\\n', r, if (!again) 'NOT USABLE')"
    ), script)
    found <- vapply(limits, \(mb) {
      out <- suppressWarnings(system(
        sprintf(
          "ulimit -v %.0f; timeout 120 %s %s 2> %s", mb * 1000, rscript, shQuote(script),
          path("err")
        ),
        intern = TRUE
      ))
      status <- attr(out, "status")
      if (!is.null(status)) return(paste("ENDED", status))
      said <- trimws(utils::tail(out, 1L))
      if (grepl("^R error.*(cannot allocate|memory)", said)) return("R's own error")
      said
    }, "")
    show(name, found)
    need(!startsWith(found, "ENDED") & !grepl("NOT USABLE|^R error", found), paste(
      name, "at", paste(limits[startsWith(found, "ENDED") | grepl("NOT USABLE|^R error", found)],
                        collapse = ", "), "MB:"
    ))
  }
}

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))),
                 "faults-kills.R"))
cat("==", table, "\n")
switch(table,
  flips = flips(), disk = disk(), kills = kills(), memory = memory(), stop("which table?")
)
quit(status = as.integer(failed > 0))
