# A fit, and 230 units for its posteriors, as a matrix and as chunks.
stream_case <- function(alpha = 0) {
  set.seed(2)
  sims <- simple_sims(nsamp = 60, err_sd = 0.4)
  Shat <- sims$Shat * exp(rnorm(length(sims$Shat), sd = 0.2))
  data <- mash_set_data(sims$Bhat, Shat, alpha = alpha, V = correlated(5))
  m <- mash(data, cov_canonical(data), outputlevel = 1, verbose = FALSE)
  keep <- 1:230
  data <- mash_set_data(sims$Bhat[keep, ], Shat[keep, ], alpha = alpha, V = correlated(5))
  chunk <- function(i) {
    rows <- which((keep - 1) %/% 50 == i - 1)
    list(Bhat = sims$Bhat[rows, ], Shat = Shat[rows, ])
  }
  list(m = m, data = data, chunk = chunk)
}

gather <- function() {
  parts <- list()
  list(
    sink = function(i, posterior) parts[[length(parts) + 1L]] <<- c(posterior, chunk = i),
    all = function(what) do.call(rbind, lapply(parts, `[[`, what)),
    order = function() vapply(parts, `[[`, 0, "chunk")
  )
}

test_that("chunks have the posteriors and likelihoods of all units at once", {
  for (alpha in c(0, 1)) {
    case <- stream_case(alpha)
    whole <- mash_compute_posterior_matrices(case$m, case$data)
    got <- gather()
    done <- mash_stream(case$m, case$chunk, 5, got$sink, V = correlated(5))
    for (what in names(whole)) expect_identical(got$all(what), whole[[what]])
    expect_identical(got$order(), as.numeric(1:5))
    expect_equal(done$units, c(50, 50, 50, 50, 30))
    expect_equal(sum(done$loglik), mash_compute_loglik(case$m, case$data), tolerance = 1e-13)
  }
})

test_that("data in memory are cut into chunks; covariances and linear functions come along", {
  case <- stream_case()
  A <- rbind(mean = rep(0.2, 5), first = c(1, -1, 0, 0, 0))
  whole <- mash_compute_posterior_matrices(
    case$m, case$data, A = A, output_posterior_cov = TRUE
  )
  got <- gather()
  done <- mash_stream(case$m, case$data, 7, got$sink, A = A, output_posterior_cov = TRUE)
  expect_equal(sum(done$units), 230)
  for (what in c("PosteriorMean", "lfsr")) expect_identical(got$all(what), whole[[what]])
  first <- NULL
  mash_stream(
    case$m, case$data, 7, \(i, p) if (i == 1) first <<- p,
    A = A, output_posterior_cov = TRUE
  )
  n <- nrow(first$lfsr)
  expect_identical(first$PosteriorCov, whole$PosteriorCov[, , seq_len(n)])
})

test_that("a folder has a file for each chunk, and finished ones are not computed again", {
  case <- stream_case()
  folder <- withr::local_tempfile()
  calls <- NULL
  counted <- function(i) {
    calls <<- c(calls, i)
    if (i == 4 && length(calls) == 4) stop("no more power")
    case$chunk(i)
  }
  V <- correlated(5)
  expect_error(mash_stream(case$m, counted, 5, folder, V = V), "no more power")
  done <- mash_stream(case$m, counted, 5, folder, V = V)
  expect_equal(calls, c(1:4, 4:5))
  expect_identical(mash_stream(case$m, counted, 5, folder, V = V), done)
  expect_length(calls, 6)
  whole <- mash_compute_posterior_matrices(case$m, case$data)
  parts <- lapply(done$file, readRDS)
  for (what in names(whole)) {
    expect_identical(do.call(rbind, lapply(parts, `[[`, what)), whole[[what]])
  }
  expect_equal(sum(done$loglik), mash_compute_loglik(case$m, case$data), tolerance = 1e-13)
  expect_error(mash_stream(case$m, counted, 5, folder), "`V` differs", class = "mnmash_error_sink")
})

test_that("workers give identical results, in order", {
  skip_if_not_installed("future.apply")
  skip_on_cran()
  # Workers load the package from where it was installed.
  skip_if_not(dir.exists(file.path(find.package("mnmash"), "Meta")))
  libraries <- paste(unique(c(dirname(find.package("mnmash")), .libPaths())), collapse = ":")
  withr::local_envvar(R_LIBS = libraries)
  case <- stream_case()
  one <- gather()
  alone <- mash_stream(case$m, case$chunk, 5, one$sink, V = correlated(5))
  before <- future::plan(future::multisession, workers = 2)
  withr::defer(future::plan(before))
  two <- gather()
  shared <- mash_stream(case$m, case$chunk, 5, two$sink, V = correlated(5))
  expect_identical(two$order(), as.numeric(1:5))
  for (what in c("PosteriorMean", "PosteriorSD", "lfsr", "NegativeProb")) {
    expect_identical(two$all(what), one$all(what))
  }
  expect_identical(shared, alone)
  folder <- withr::local_tempfile()
  done <- mash_stream(case$m, case$chunk, 5, folder, V = correlated(5))
  expect_identical(
    do.call(rbind, lapply(done$file, \(f) readRDS(f)$PosteriorMean)), one$all("PosteriorMean")
  )
})

test_that("memory does not grow with the number of chunks: a chunk is gone when its sink returns", {
  case <- stream_case()
  gone <- 0
  watched <- function(i) {
    found <- case$chunk(i)
    token <- new.env()
    reg.finalizer(token, \(e) gone <<- gone + 1)
    attr(found$Bhat, "token") <- token
    found
  }
  mash_stream(case$m, watched, 5, \(i, posterior) {
    gc()
    if (i == 5) expect_gte(gone, 3)
  }, V = correlated(5))
})

test_that("errors name the chunk, and what is wrong with it", {
  case <- stream_case()
  nothing <- function(i, posterior) NULL
  stream <- \(chunk, ...) mash_stream(case$m, chunk, 5, nothing, ...)
  expect_error(stream(\(i) 1), "`chunk\\(1\\)` must return a list")
  expect_error(
    stream(\(i) list(Bhat = matrix(0, 2, 3), Shat = matrix(1, 2, 3))),
    "`chunk\\(1\\)` cannot be used: `g` has 5 conditions, but the chunks have 3"
  )
  bad <- function(i) {
    found <- case$chunk(i)
    if (i == 2) found$Shat[7, 3] <- -1
    found
  }
  expect_error(stream(bad), "`chunk\\(2\\)` is not usable: `Shat` must be positive.*row 7")
  z <- mash_set_data(matrix(1, 2, 5), matrix(2, 2, 5), alpha = 1)
  expect_error(stream(\(i) z), "of z-scores", class = "mnmash_error_units")
  expect_error(stream("file"), "`chunk` must be a function")
  expect_error(mash_stream(case$m, case$chunk, 5, 1), "`sink` must be")
  expect_error(mash_stream(case$m, case$chunk, 0.5, nothing), "`n_chunks`")
  expect_error(mash_stream(list(), case$chunk, 5, nothing), "`g` must be a fit")
})

test_that("samples come along: those of all units at once, or of the chunk's rows", {
  case <- stream_case(alpha = 1)
  whole <- mash_compute_posterior_matrices(case$m, case$data, posterior_samples = 4, seed = 7)
  parts <- list()
  mash_stream(
    case$m, case$data, 3, \(i, p) parts[[i]] <<- p$PosteriorSamples,
    posterior_samples = 4, seed = 7
  )
  sizes <- vapply(parts, nrow, 0L)
  expect_equal(sizes, c(76, 77, 77))
  for (k in 1:4) {
    found <- do.call(rbind, lapply(parts, \(part) part[, , k]))
    expect_identical(found, whole$PosteriorSamples[, , k])
  }

  # Chunks of unknown size: the first has the rows that it would have anyway, others their own.
  own <- list()
  keep <- \(i, p) own[[i]] <<- p$PosteriorSamples
  mash_stream(case$m, case$chunk, 5, keep, V = correlated(5), posterior_samples = 4, seed = 7)
  expect_identical(own[[1]], whole$PosteriorSamples[1:50, , ], ignore_attr = TRUE)
  alike <- unname(own[[2]]) == unname(whole$PosteriorSamples[51:100, , ])
  expect_lt(mean(alike), 0.7) # zeros can agree
  again <- own
  for (threads in 1:2) {
    mash_stream(
      case$m, case$chunk, 5, keep,
      V = correlated(5), posterior_samples = 4, seed = 7, n_threads = threads
    )
    expect_identical(own, again)
  }
})

test_that("samples of a linear function are that function of the samples", {
  case <- stream_case()
  A <- rbind(difference = c(1, -1, 0, 0, 0))
  one <- NULL
  mash_stream(
    case$m, case$data, 2, \(i, p) one <<- rbind(one, p$PosteriorSamples[, 1, ]),
    A = A, posterior_samples = 3, seed = 1
  )
  all <- mash_compute_posterior_matrices(case$m, case$data, posterior_samples = 3, seed = 1)
  difference <- all$PosteriorSamples[, 1, ] - all$PosteriorSamples[, 2, ]
  expect_equal(one, difference, ignore_attr = TRUE)
})

test_that("a folder that was begun with a random seed goes on with it", {
  case <- stream_case()
  folder <- withr::local_tempfile()
  run <- \(...) {
    mash_stream(case$m, case$chunk, 5, folder, V = correlated(5), posterior_samples = 2, ...)
  }
  set.seed(10)
  done <- run(seed = NULL)
  first <- readRDS(done$file[3])$PosteriorSamples
  unlink(done$file[3])
  run(seed = NULL)
  expect_identical(readRDS(done$file[3])$PosteriorSamples, first)
  expect_error(run(seed = 5), "`seed` differs", class = "mnmash_error_sink")
  expect_error(
    mash_stream(case$m, case$chunk, 5, folder, V = correlated(5)), "`samples` differs",
    class = "mnmash_error_sink"
  )
})

test_that("a chunk may lack a condition altogether", {
  case <- stream_case()
  lacking <- function(i) {
    found <- case$chunk(i)
    if (i == 2) found$Bhat[, 3] <- found$Shat[, 3] <- NA
    found
  }
  got <- gather()
  done <- mash_stream(case$m, lacking, 5, got$sink, V = correlated(5))
  # The same rows, in data where the condition is missing here and there.
  Bhat <- do.call(rbind, lapply(1:5, \(i) lacking(i)$Bhat))
  Shat <- do.call(rbind, lapply(1:5, \(i) lacking(i)$Shat))
  data <- mash_set_data(Bhat, Shat, V = correlated(5))
  whole <- mash_compute_posterior_matrices(case$m, data)
  for (what in names(whole)) expect_equal(got$all(what), whole[[what]], tolerance = 1e-12)
  expect_equal(sum(done$loglik), mash_compute_loglik(case$m, data), tolerance = 1e-12)
  nothing <- \(i) list(Bhat = matrix(NA_real_, 2, 5), Shat = matrix(NA_real_, 2, 5))
  expect_error(
    mash_stream(case$m, nothing, 1, got$sink), "no observed value", class = "mnmash_error_value"
  )
})
