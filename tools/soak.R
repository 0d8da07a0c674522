# Rscript tools/soak.R [minutes] [threads]: random calls of every model, one after another, for so
# long. Prints the calls and rows done and the resident memory by the minute, and at the end by how
# much it grew: flat is the only good answer. Any error or value that is not finite ends it.
suppressPackageStartupMessages(library(mnmash))
given <- commandArgs(trailingOnly = TRUE)
minutes <- if (length(given)) as.numeric(given[1L]) else 30
options(mnmash.threads = if (length(given) > 1L) as.integer(given[2L]) else 1L)

between <- function(low, high) sample(low:high, 1L)

effects <- function(J, R, missing = runif(1) < 0.3) {
  sims <- simple_sims(nsamp = ceiling(J / 4), ncond = R, err_sd = runif(1, 0.1, 1))
  Shat <- sims$Shat * exp(rnorm(length(sims$Shat), sd = 0.2))
  if (missing && R > 1) {
    gone <- matrix(runif(length(Shat)) < 0.1, nrow(Shat))
    gone[cbind(seq_len(nrow(gone)), sample.int(R, nrow(gone), TRUE))] <- FALSE
    sims$Bhat[gone] <- Shat[gone] <- NA
  }
  mash_set_data(sims$Bhat, Shat, alpha = sample(0:1, 1L))
}

regression <- function(r, n = between(50, 300), p = between(10, 200)) {
  simulate_mr_mash(n, p, min(5, p), r, pve = 0.3, X_cor = runif(1, 0, 0.9), X_pattern = "ar1")
}

prior <- function(r) {
  list(shared = matrix(0.1, r, r), own = diag(0.1, r), half = 0.05 + diag(0.05, r))
}

# Each returns the number of rows it went through, and numbers that must be finite.
calls <- list(
  mash = \() {
    data <- effects(between(500, 20000), between(1, 10))
    m <- mash(data, cov_canonical(data), verbose = FALSE, posterior_samples = sample(c(0, 5), 1))
    list(nrow(data$Bhat), m$result$lfsr)
  },
  stream = \() {
    data <- effects(between(500, 5000), 5)
    m <- mash(data, cov_canonical(data), verbose = FALSE, outputlevel = 1)
    found <- mash_stream(m, data, n_chunks = 4, sink = \(i, posterior) NULL)
    list(2 * nrow(data$Bhat), found$loglik)
  },
  ud_fit = \() {
    data <- effects(between(200, 2000), between(2, 8))
    fit <- ud_fit(data, K = between(1, 6), max_iter = 30)
    list(nrow(data$Bhat), fit$w)
  },
  ed = \() {
    data <- effects(between(200, 2000), between(2, 8))
    fit <- cov_ed(data, cov_pca(data, 2), maxiter = 30)
    list(nrow(data$Bhat), attr(fit, "pi"))
  },
  flash = \() {
    data <- effects(between(200, 2000), between(3, 8))
    list(nrow(data$Bhat), unlist(suppressMessages(cov_flash(data))))
  },
  mr_mash = \() {
    r <- between(2, 8)
    sim <- regression(r)
    fit <- mr_mash(sim$X, sim$Y, prior(r), grid = c(0.3, 1), max_iter = 100)
    list(nrow(sim$X), fit$mu1)
  },
  mr_ash = \() {
    sim <- regression(1, p = between(10, 2000))
    list(nrow(sim$X), mr_ash(sim$X, sim$Y)$beta)
  },
  varbvs = \() {
    sim <- regression(1)
    list(nrow(sim$X), varbvs(sim$X, NULL, sim$Y)$pip)
  },
  deconvolve = \() {
    sim <- regression(between(1, 5))
    list(nrow(sim$X), deconvolve(sim$X, sim$Y)$lfsr)
  },
  finemap = \() {
    r <- between(1, 6)
    sim <- regression(r)
    fit <- finemap(finemap_data(sim$X, sim$Y), prior(r), L = 5)
    list(nrow(sim$X), fit$pip)
  },
  fqtl = \() {
    sim <- regression(between(2, 8))
    fit <- fqtl(sim$Y, sim$X, K = 3, max_iter = 50)
    list(nrow(sim$X), fit$B)
  },
  bmass = \() {
    Z <- matrix(rnorm(300 * 3), 300) + rnorm(300)
    list(300, bmass(Z, 1000, V = diag(3))$log10_bf_average)
  },
  weights = \() {
    loglik <- matrix(rnorm(between(1e3, 1e4) * 50), ncol = 50)
    list(nrow(loglik), mixture_weights(loglik)$pi)
  },
  bad_input = \() {
    data <- effects(40, 3)
    wrong <- try(mash(data, list(diag(-1, 3)), verbose = FALSE), silent = TRUE)
    stopifnot(inherits(wrong, "try-error"))
    list(40, 0)
  },
  stopped = \() {
    data <- effects(20000, 10)
    Ulist <- cov_canonical(data)
    setTimeLimit(elapsed = 0.1, transient = TRUE)
    tryCatch(mash(data, Ulist, verbose = FALSE), error = \(e) NULL, interrupt = \(e) NULL)
    setTimeLimit()
    list(0, 0)
  }
)

resident <- function(what = "VmRSS") {
  line <- grep(what, readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}

set.seed(1)
begin <- proc.time()[["elapsed"]]
done <- stats::setNames(numeric(length(calls)), names(calls))
rows <- 0
log <- NULL
reported <- 0
cat("minute    calls         rows   RSS (MB)   peak (MB)\n")
repeat {
  name <- sample(names(calls), 1L)
  found <- suppressWarnings(calls[[name]]())
  stopifnot(all(is.finite(found[[2L]])))
  done[name] <- done[name] + 1
  rows <- rows + found[[1L]]
  rm(found)
  now <- (proc.time()[["elapsed"]] - begin) / 60
  if (now >= reported + 1 || now >= minutes) {
    reported <- floor(now)
    gc()
    log <- rbind(log, c(minute = now, rss = resident()))
    cat(sprintf(
      "%6.1f %8.0f %12.0f %10.0f %11.0f\n", now, sum(done), rows, resident(), resident("VmHWM")
    ))
  }
  if (now >= minutes) break
}
cat("\n", paste0(names(done), " ", done, collapse = ", "), "\n", sep = "")
# The first fifth is warming up: libraries, and the allocator's own reserves.
late <- log[log[, "minute"] > minutes / 5, , drop = FALSE]
if (nrow(late) > 2L) {
  slope <- stats::lm.fit(cbind(1, late[, "minute"]), late[, "rss"])$coefficients[[2L]]
  cat(sprintf("after the first fifth: RSS %.0f to %.0f MB, slope %+.3f MB per minute\n",
              min(late[, "rss"]), max(late[, "rss"]), slope))
}
