# Few units with effects, in blocks of ten that share them, or each a block.
few_blocks <- function(J = 300, R = 5, run = 1, seed = 1) {
  set.seed(seed)
  block <- rep(seq_len(J), each = run)
  B <- matrix(0, J, R, dimnames = list(NULL, letters[R:1]))
  on <- which(runif(J) < 0.15)
  B[on, ] <- 4 * rnorm(length(on)) + rnorm(length(on) * R)
  B <- B[block, ]
  rownames(B) <- paste0("u", seq_along(block))
  noise <- sqrt(0.8) * matrix(rnorm(J * R), J)[block, ] +
    sqrt(0.2) * matrix(rnorm(length(B)), ncol = R)
  list(B = B, Bhat = B + noise, block = block)
}

test_that("lfsr are raised along a line in logarithms, and keep their order", {
  map <- list(lfsr = c(0.001, 0.01, 0.4), error = c(0.004, 0.05, 0.4))
  raised <- mnmash:::raised
  expect_equal(raised(map$lfsr, map), map$error)
  # Halfway in logarithms; below the first the ratio stays.
  expect_equal(raised(sqrt(0.001 * 0.01), map), sqrt(0.004 * 0.05))
  expect_equal(raised(c(1e-8, 0), map), c(4e-8, 0))
  expect_equal(raised(c(0.7, 1), map), c(0.7, 1))
  high <- list(lfsr = c(0.1, 0.25), error = c(0.3, 0.5))
  expect_equal(raised(c(0.5, 1), high), c(sqrt(0.5 * 1), 1))
  lfsr <- seq(0, 1, length.out = 1000)
  expect_false(is.unsorted(raised(lfsr, map)))
  expect_true(all(raised(lfsr, map) >= lfsr))
})

test_that("errors are made monotone, and never less than what is promised", {
  set.seed(3)
  lfsr <- runif(40000)^2 / 2
  twice <- cbind(lfsr = lfsr, wrong = runif(40000) < 2 * lfsr)
  map <- mnmash:::monotone_errors(twice)
  middle <- map$lfsr > 0.05 & map$lfsr < 0.4
  expect_lt(max(abs(map$error / map$lfsr - 2)[middle]), 0.4)
  expect_false(is.unsorted(map$error))
  right <- cbind(lfsr = lfsr, wrong = 0)
  expect_equal(mnmash:::monotone_errors(right)$error, mnmash:::monotone_errors(right)$lfsr)
  expect_null(mnmash:::monotone_errors(twice[1:50, ]))
})

test_that("simulations have the prior's variances, in blocks as linked as those of the data", {
  d <- few_blocks(2000, run = 3)
  data <- mash_set_data(d$Bhat)
  expect_lt(abs(mnmash:::block_linkage(data, d$block) - 0.8), 0.1)
  expect_lt(abs(mnmash:::block_linkage(data, sample(d$block))), 0.1)
  U <- matrix(0.5, 5, 5) + diag(0.5, 5)
  product <- list(weight = 0.5, grid = c(0, 2), pi = matrix(c(0.75, 0.25), 2, 5))
  g <- list(pi = c(0.1, 0.4), Ulist = list(U), grid = 3, usepointmass = TRUE, product = product)
  set.seed(4)
  found <- mnmash:::simulate_blocks(data, d$block, g, 0.8)
  expect_identical(found$B[1, ], found$B[3, ])
  first <- found$B[!duplicated(d$block), ]
  variance <- 0.4 * 9 * U
  diag(variance) <- diag(variance) + 0.5 * 0.25 * 4
  expect_lt(max(abs(cov(first) - variance)), 0.7)
  expect_lt(abs(mean(first[, 1] == 0) - (0.1 + 0.5 * 0.75)), 0.04)
  noise <- found$data$Bhat - found$B
  expect_lt(abs(mean(noise[seq(1, 6000, 3), ] * noise[seq(2, 6000, 3), ]) - 0.8), 0.05)
})

test_that("where strong units are few, lfsr are raised, said, and kept as they were", {
  d <- few_blocks()
  data <- mash_set_data(d$Bhat)
  prior <- learn_prior(data, V = diag(5), n_threads = 1)
  expect_true(prior$learnt$few)
  expect_output(print(prior), "lfsr are raised")
  plain <- learn_prior(data, V = diag(5), nsim = 0, n_threads = 1)
  expect_null(plain$lfsr_map)
  expect_output(print(plain), "may be too small")
  expect_identical(plain$w, prior$w)
  fit <- \(g, ...) mash(data, g = g, fixg = TRUE, verbose = FALSE, ...)
  m <- fit(prior)
  expect_equal(m$result$lfsr_unmapped, get_lfsr(fit(plain)))
  expect_identical(get_pm(m), get_pm(fit(plain)))
  expect_equal(c(get_lfsr(m)), mnmash:::raised(c(m$result$lfsr_unmapped), prior$lfsr_map))
  expect_true(all(get_lfsr(m) >= m$result$lfsr_unmapped))
  expect_gt(sum(get_lfsr(m) > 1.1 * m$result$lfsr_unmapped), 10)
  # As posteriors of other calls, and of the fit as a prior, have it.
  expect_equal(mash_compute_posterior_matrices(prior, data)$lfsr, get_lfsr(m))
  expect_equal(predict(m, data)$result$lfsr, get_lfsr(m))
  expect_identical(as_prior(m)$lfsr_map, prior$lfsr_map)
  expect_null(prior[, 1:2]$lfsr_map)
  broken <- prior
  broken$lfsr_map$error <- rev(broken$lfsr_map$error)
  expect_error(fit(broken), "lfsr_map", class = "mnmash_error_type")
  # Without a prior the same steps are taken.
  own <- mash(data, verbose = FALSE, n_threads = 1)
  expect_output(print(own), "lfsr are raised")
  expect_equal(own$fitted_g$lfsr_map, prior$lfsr_map)
  many <- learn_prior(mash_set_data(few_blocks(800)$Bhat), V = diag(5), n_threads = 1)
  expect_false(many$learnt$few)
  expect_null(many$lfsr_map)
})

test_that("neither order nor unit has a say in how lfsr are raised", {
  d <- few_blocks(100, run = 3)
  blocks <- stats::setNames(d$block, rownames(d$Bhat))
  learn <- \(x, s = 1) {
    suppressWarnings(learn_prior(mash_set_data(s * x, s + 0 * x), blocks = blocks, n_threads = 1))
  }
  one <- learn(d$Bhat)
  expect_false(is.null(one$lfsr_map))
  two <- learn(d$Bhat[order(sin(1:300)), c(2, 5, 1, 3, 4)], 1000)
  expect_equal(two$lfsr_map$lfsr, one$lfsr_map$lfsr, tolerance = 1e-3)
  expect_equal(two$lfsr_map$error, one$lfsr_map$error, tolerance = 1e-3)
})

test_that("lfsr of contrasts are raised to the errors of contrasts", {
  d <- few_blocks()
  data <- mash_set_data(d$Bhat)
  prior <- learn_prior(data, V = diag(5), n_threads = 1)
  plain <- prior
  plain$lfsr_map <- NULL
  raised <- mnmash:::raised
  A <- rbind(own = c(0, 2, 0, 0, 0), pair = c(1, -1, 0, 0, 0), mean = rep(0.2, 5))
  of <- \(g) mash_compute_posterior_matrices(g, data, A = A)
  after <- of(prior)
  before <- of(plain)$lfsr
  expect_equal(after$lfsr_unmapped, before)
  expect_equal(after$lfsr[, 1], raised(before[, 1], prior$lfsr_map))
  expect_equal(c(after$lfsr[, -1]), raised(c(before[, -1]), prior$lfsr_map$contrast))
  m <- mash(data, g = prior, fixg = TRUE, A = A, verbose = FALSE)
  expect_equal(get_lfsr(m), after$lfsr)
  # Other ways to a contrast: tables of all pairs, and streams.
  tables <- \(g) posterior_contrast(as_mashr(g), data, type = "pairwise")
  lfsr <- grepl("^lfsr", names(tables(prior)))
  now <- as.matrix(tables(prior)[lfsr])
  expect_equal(
    c(now), raised(c(as.matrix(tables(plain)[lfsr])), prior$lfsr_map$contrast)
  )
  found <- NULL
  mash_stream(prior, data, 2, \(i, posterior) found <<- rbind(found, posterior$lfsr), A = A)
  expect_equal(found, after$lfsr)
  broken <- prior
  broken$lfsr_map$contrast$error <- 2
  expect_error(of(broken), "contrast", class = "mnmash_error_type")
})

test_that("models that take a prior take what its few units are worth", {
  d <- few_blocks()
  prior <- suppressMessages(learn_prior(mash_set_data(d$Bhat), V = diag(5), n_threads = 1))
  plain <- prior
  map <- prior$lfsr_map <- list(lfsr = c(1e-8, 0.4), error = c(1e-5, 0.5))
  plain$lfsr_map <- NULL
  set.seed(8)
  X <- matrix(rnorm(200 * 12), 200, dimnames = list(NULL, paste0("x", 1:12)))
  Y <- 0.2 * X[, rep(3, 5)] + matrix(rnorm(1000), 200)
  colnames(Y) <- rownames(prior$U[[1]])
  raised <- mnmash:::raised
  fine <- \(g) suppressMessages(finemap(finemap_data(X, Y), g))
  after <- fine(prior)
  before <- fine(plain)
  expect_identical(after$pip, before$pip)
  for (what in c("lfsr", "not_positive", "not_negative")) {
    expect_equal(c(after$effects$L1[[what]]), raised(c(before$effects$L1[[what]]), map))
  }
  for (level in c("set", "signal")) expect_gt(min(lfsr(after, level) / lfsr(before, level)), 1.5)
  regression <- \(g) lfsr(suppressMessages(mr_mash(X, Y, g)))
  expect_equal(c(regression(prior)), raised(c(regression(plain)), map))
})

test_that("strong units of another set are simulated as strong as they are", {
  expect_identical(mnmash:::as_strong(c(1, 5, 3, 2, 4), c(3.5, 2.5)), c(3L, 5L))
  # Each candidate once, also where there are too few.
  expect_identical(sort(mnmash:::as_strong(c(1, 5, 3), c(4, 6, 7))), 1:3)
  expect_identical(mnmash:::as_strong(c(9, 1, 8), c(3, 3)), c(3L, 1L))
  d <- few_blocks(1200, seed = 2)
  top <- order(-apply(abs(d$Bhat), 1, max))[1:40]
  random <- mash_set_data(d$Bhat[-top, ][1:500, ])
  strong <- mash_set_data(d$Bhat[top, ])
  prior <- suppressWarnings(learn_prior(random, strong, V = diag(5), n_threads = 1))
  set.seed(1)
  drawn <- mnmash:::simulate_chosen(strong, as_mashr(prior))
  sizes <- \(data) sort(apply(abs(data$Bhat), 1, max))
  expect_lt(max(abs(sizes(drawn$data) - sizes(strong))[1:30]), 0.5)
  expect_false(is.null(prior$lfsr_map$contrast))
  expect_output(print(prior), "lfsr are raised")
})

test_that("the pipeline's prior raises lfsr where its strong set is small", {
  d <- few_blocks(1000, seed = 3)
  top <- order(-apply(abs(d$Bhat), 1, max))[1:45]
  one <- matrix(1, 1000, 5, dimnames = dimnames(d$Bhat))
  sets <- list(
    strong.b = d$Bhat[top, ], strong.s = one[top, ], random.b = d$Bhat[1:600, ],
    random.s = one[1:600, ]
  )
  quiet <- \(...) suppressWarnings(mixture_prior(..., V = diag(5), verbose = FALSE, n_threads = 1))
  prior <- quiet(sets)
  expect_output(print(prior), "lfsr are raised")
  fit <- mash_fit(sets, prior, verbose = FALSE)
  plain <- prior
  plain$lfsr_map <- NULL
  before <- mash_fit(sets, plain, verbose = FALSE)
  raised <- mnmash:::raised
  expect_equal(c(fit$posterior$lfsr), raised(c(before$posterior$lfsr), prior$lfsr_map))
  expect_equal(c(get_lfsr(fit)), raised(c(get_lfsr(before)), prior$lfsr_map))
  expect_equal(mash_posterior(fit, mash_set_data(d$Bhat, one))$lfsr_unmapped,
               mash_posterior(before, mash_set_data(d$Bhat, one))$lfsr)
  # Without random units the strong ones are all there are.
  alone <- quiet(sets[c("strong.b", "strong.s")])
  expect_false(is.null(alone$lfsr_map))
})
