# Rscript tools/interrupts.R: Ctrl-C, as the signal, half a second into each long calculation, on
# one thread and on two. Each must end within a second of it with an interrupt, and leave the
# session able to do the next small calculation right. Prints how long each took to end.
suppressPackageStartupMessages(library(mnmash))
set.seed(1)
limit <- as.numeric(Sys.getenv("MNMASH_INTERRUPT_LIMIT", "1"))

sims <- simple_sims(nsamp = 20000, ncond = 20, err_sd = 0.5)
sims$Shat <- sims$Shat * exp(rnorm(length(sims$Shat), sd = 0.2))
data <- mash_set_data(sims$Bhat, sims$Shat)
few <- mash_set_data(sims$Bhat[1:2000, ], sims$Shat[1:2000, ])
Ulist <- cov_canonical(data)
m <- mash(few, Ulist, outputlevel = 1, verbose = FALSE)
sim <- simulate_mr_mash(800, 2000, 50, 20, pve = 0.5, X_cor = 0.9, X_pattern = "ar1")
prior <- c(list(null = matrix(0, 20, 20)), cov_canonical(few))
many <- simulate_mr_mash(500, 20000, 300, 1, pve = 0.6, X_cor = 0.9, X_pattern = "ar1")
binary <- as.integer(sim$Y[, 1] > median(sim$Y[, 1]))
region <- finemap_data(sim$X, sim$Y)
ld <- cor(sim$X)
Z <- matrix(rnorm(60000 * 6), 60000)
loglik <- matrix(rnorm(2e5 * 100), ncol = 100)

long <- list(
  mash = \(n) mash(data, Ulist, verbose = FALSE, n_threads = n),
  mash_stream = \(n) mash_stream(m, data, 4, \(i, posterior) NULL, n_threads = n),
  mash_samples = \(n) {
    mash_compute_posterior_matrices(m, data, posterior_samples = 100, n_threads = n)
  },
  mash_cv = \(n) mash_cv(data, list(canonical = Ulist), n_threads = n),
  mash_fit_chunks = \(n) mash_fit_chunks(m, data, 4, n_threads = n),
  mixture_weights_em = \(n) {
    mixture_weights(loglik, method = "em", tol = 0, max_iter = 1e6, n_threads = n)
  },
  posterior_functional = \(n) {
    posterior_functional(m, data, \(b) rowMeans(b[, 1, ]), n_samples = 1000, n_threads = n)
  },
  ud_fit = \(n) ud_fit(data, K = 20, tol = 0, n_threads = n),
  ed = \(n) cov_ed(data, cov_pca(data, 10), tol = 0, n_threads = n),
  cov_flash = \(n) cov_flash(data),
  mr_mash = \(n) mr_mash(sim$X, sim$Y, prior, grid = c(0.1, 0.3, 1), tol = 0, n_threads = n),
  mr_ash = \(n) mr_ash(many$X, many$Y, tol = 0, max_iter = 1e5, n_threads = n),
  varbvs = \(n) varbvs(many$X, NULL, many$Y, n_threads = n),
  varbvs_binary = \(n) varbvs(sim$X, NULL, binary, family = "binomial", tol = 0, n_threads = n),
  deconvolve = \(n) deconvolve(sim$X, sim$Y, tol = 0, max_iter = 1e5, n_threads = n),
  finemap = \(n) finemap(region, prior[-1], L = 10, tol = 0, max_iter = 1e4, n_threads = n),
  qc_sumstats = \(n) qc_sumstats(Z[1:2000, ], ld, 800, n_threads = n),
  bmass = \(n) bmass(Z, 1000, V = diag(6), n_threads = n),
  fqtl = \(n) fqtl(sim$Y, sim$X, K = 5, tol = 0, n_threads = n),
  residual_correlation = \(n) {
    residual_correlation(data, "mle", Ulist = Ulist, tol = 0, max_iter = 100, n_threads = n)
  }
)

# The time between the signal and the return, or why there is none.
interrupted <- function(code, after = 0.5) {
  stamp <- tempfile()
  on.exit(unlink(stamp))
  system(
    sprintf(
      "(sleep %g; date +%%s.%%N > %s; kill -INT %d) > /dev/null 2>&1", after, stamp, Sys.getpid()
    ),
    wait = FALSE
  )
  tryCatch(
    {
      code
      # Not so long after all: the signal is still to come.
      Sys.sleep(after + 5)
      "ended before the signal"
    },
    interrupt = \(e) {
      # The signal came after the return.
      if (!file.exists(stamp)) return("no signal")
      as.numeric(Sys.time()) - as.numeric(readLines(stamp))
    },
    error = \(e) paste("error:", conditionMessage(e))
  )
}

small <- mash_set_data(sims$Bhat[1:200, 1:3], sims$Shat[1:200, 1:3])
expected <- mash(small, cov_canonical(small), verbose = FALSE)
failures <- 0
chosen <- commandArgs(trailingOnly = TRUE)
for (name in if (length(chosen)) chosen else names(long)) {
  for (n in 1:2) {
    returned <- FALSE
    took <- interrupted({
      suppressWarnings(suppressMessages(long[[name]](n)))
      returned <- TRUE
    })
    usable <- identical(mash(small, cov_canonical(small), verbose = FALSE), expected)
    fine <- !returned && is.numeric(took) && took < limit && usable
    failures <- failures + !fine
    if (returned) took <- "ended before the signal"
    cat(sprintf(
      "%-22s %d thread%s %-24s %s\n", name, n, if (n > 1) "s" else " ",
      if (is.numeric(took)) sprintf("%.2f s", took) else took,
      if (fine) "" else if (usable) "FAILED" else "FAILED, session not usable"
    ))
  }
}
quit(status = as.integer(failures > 0))
