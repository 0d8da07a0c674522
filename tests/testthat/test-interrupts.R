# Ctrl-C as the signal that it is. tools/interrupts.R does it to every long calculation.

# Runs `code`, which must not end by itself, with the signal to come soon; how long it went on.
seconds_after_signal <- function(code) {
  stamp <- withr::local_tempfile()
  system(
    sprintf("(sleep 0.3; date +%%s > %s; kill -INT %d) > /dev/null 2>&1", stamp, Sys.getpid()),
    wait = FALSE
  )
  tryCatch(
    {
      code
      Inf
    },
    interrupt = \(e) as.numeric(Sys.time()) - as.numeric(readLines(stamp))
  )
}

test_that("an interrupt ends long work soon, and the session can be used", {
  skip_on_os("windows")
  skip_on_cran()
  set.seed(1)
  sims <- simple_sims(nsamp = 500, ncond = 5, err_sd = 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  Ulist <- cov_canonical(data)
  expected <- mash(data, Ulist, verbose = FALSE)
  for (n in 1:2) {
    # In whole seconds, with room for a busy machine.
    took <- seconds_after_signal(
      cov_ed(data, cov_pca(data, 3), tol = -Inf, maxiter = 1e9, n_threads = n)
    )
    expect_lt(took, 10)
    chunk <- \(i) list(Bhat = sims$Bhat, Shat = sims$Shat)
    took <- seconds_after_signal(
      mash_stream(expected, chunk, 1e6, \(i, posterior) NULL, n_threads = n)
    )
    expect_lt(took, 10)
    expect_identical(mash(data, Ulist, verbose = FALSE), expected)
  }
})
