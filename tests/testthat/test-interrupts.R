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

# Whether an interrupt reaches this process at all: a shell starts what runs in the background with
# the signal ignored, and R leaves it so.
interrupts_come <- function() {
  status <- "/proc/self/status"
  if (!file.exists(status)) return(TRUE)
  ignored <- sub("^SigIgn:\\s*", "", grep("^SigIgn:", readLines(status), value = TRUE))
  !bitwAnd(strtoi(substring(ignored, nchar(ignored)), 16L), 2L)
}

test_that("an interrupt ends long work soon, and the session can be used", {
  skip_on_os("windows")
  skip_on_cran()
  skip_if_not(interrupts_come(), "SIGINT is ignored in this process: an interrupt")
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

# `code` under a limit of elapsed time.
within_limit <- function(code, seconds = 0.5) {
  setTimeLimit(elapsed = seconds, transient = TRUE)
  on.exit(setTimeLimit())
  code
}

test_that("a limit of time is the error that it is, in this session and on a worker", {
  skip_on_cran()
  set.seed(1)
  sims <- simple_sims(nsamp = 500, ncond = 5, err_sd = 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  U <- cov_pca(data, 3)
  long <- \() cov_ed(data, U, tol = -Inf, maxiter = 1e9)
  for (progress in c(FALSE, TRUE)) {
    withr::local_options(mnmash.progress = progress)
    utils::capture.output(
      said <- tryCatch(within_limit(long()), error = conditionMessage), type = "message"
    )
    expect_match(said, "reached elapsed time limit")
  }
  # Calling handlers see it too, and the session goes on.
  seen <- NULL
  try(
    withCallingHandlers(within_limit(long()), error = \(e) seen <<- conditionMessage(e)),
    silent = TRUE
  )
  expect_match(seen, "time limit")
  expect_s3_class(mash(data, U, verbose = FALSE), "mash")
})

test_that("what R raises while it is asked whether to go on comes back as it is", {
  skip_on_cran()
  set.seed(1)
  data <- mash_set_data(simple_sims(nsamp = 500, ncond = 5, err_sd = 0.5)$Bhat)
  U <- cov_pca(data, 3)
  # As call_core() does it, with a progress of our own.
  start <- list(
    U = unname(U), pi = rep(1 / length(U), length(U)), means = NULL,
    fixed_pi = rep(FALSE, length(U)), fixed_means = rep(TRUE, length(U)),
    fixed_U = rep(FALSE, length(U))
  )
  long <- \(progress) {
    before <- .External(mnmash_watch, progress)
    on.exit(.External(mnmash_watch, before))
    found <- rust_ed(
      core_measurements(data), start, list(tol = -Inf, max_iter = 1e9, w = 0, row_weights = NULL),
      list(n_threads = 1L)
    )
    .External(mnmash_resume)
    from_rust(found)
  }
  special <- structure(
    class = c("special", "error", "condition"), list(message = "odd", call = NULL)
  )
  expect_identical(tryCatch(long(\(done, stage) stop(special)), special = identity), special)
  left <- withRestarts(long(\(done, stage) invokeRestart("leave", done)), leave = \(done) "left")
  expect_identical(left, "left")
  # A call of the core from there is nested, and does not disturb the one that waits.
  asked <- 0
  nested <- \(done, stage) {
    asked <<- asked + 1
    mash(data, U, verbose = FALSE, outputlevel = 1)
    if (asked == 2) stop(special)
  }
  expect_identical(tryCatch(long(nested), special = identity), special)
  expect_identical(asked, 2)
})
