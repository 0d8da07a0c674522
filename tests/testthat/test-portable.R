# Machines without wide instructions get the same answers, up to rounding: every model once more in
# a session of its own that uses none. Numbers of units that fill no register.

answers <- function() {
  set.seed(1)
  sims <- mnmash::simple_sims(nsamp = 5, ncond = 3, err_sd = 0.5)
  rows <- 1:19
  data <- mnmash::mash_set_data(sims$Bhat[rows, ], sims$Shat[rows, ] * exp(rnorm(57, sd = 0.2)))
  U <- mnmash::cov_canonical(data)
  X <- matrix(rnorm(40 * 10), 40)
  Y <- X[, 1:3] + rnorm(120)
  prior <- list(a = matrix(1, 3, 3), b = diag(3))
  quiet <- \(code) suppressMessages(suppressWarnings(code))
  list(
    mash = mnmash::mash(data, U, verbose = FALSE)$result,
    ud_fit = mnmash::ud_fit(data, Ulist = U[1:2], max_iter = 5, seed = 1)$U,
    ed = unclass(mnmash::cov_ed(data, U[1:2], maxiter = 3))[1:2],
    mr_mash = quiet(mnmash::mr_mash(X, Y, prior, grid = c(0.5, 1), max_iter = 5))$mu1,
    mr_ash = mnmash::mr_ash(X, Y[, 1])$beta,
    varbvs = mnmash::varbvs(X, NULL, Y[, 1], logodds = -1)$pip,
    finemap = quiet(mnmash::finemap(mnmash::finemap_data(X, Y), prior, L = 2))$pip,
    finemap_missing = quiet(mnmash::finemap(
      mnmash::finemap_data(X, replace(Y, c(3, 50), NA)), prior, L = 2, V = stats::cov(Y)
    ))$pip,
    fqtl = mnmash::fqtl(Y, X, K = 1)$B,
    bmass = mnmash::bmass(matrix(rnorm(57), 19), 100, V = diag(3))$log10_bf
  )
}

test_that("every model gives the same answers without wide instructions", {
  skip_on_cran()
  files <- withr::local_tempfile(pattern = c("code", "answers"), fileext = c(".R", ".rds"))
  dump("answers", files[1L], envir = environment(answers))
  cat("saveRDS(answers(), commandArgs(TRUE))", file = files[1L], append = TRUE)
  withr::local_envvar(MNMASH_SIMD = "portable", R_LIBS = paste(.libPaths(), collapse = ":"))
  status <- system2(
    file.path(R.home("bin"), "Rscript"), c(files[1L], files[2L]), stdout = FALSE, stderr = FALSE,
    timeout = 120
  )
  expect_identical(as.integer(status), 0L)
  expect_equal(readRDS(files[2L]), answers(), tolerance = 1e-6)
})
