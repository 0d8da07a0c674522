# A component of independent effects, in all that mash does with a prior: against the sum over all
# combinations of its parts.

expect_posterior <- function(found, want, tolerance = 1e-9) {
  expect_equal(unname(found$PosteriorMean), want$mean, tolerance = tolerance)
  sd <- t(apply(want$cov, 3, \(C) sqrt(diag(as.matrix(C)))))
  expect_equal(unname(found$PosteriorSD), matrix(sd, nrow(want$mean)), tolerance = 1e-7)
  expect_equal(unname(found$lfdr), want$lfdr, tolerance = tolerance)
  expect_equal(unname(found$NegativeProb), want$negative, tolerance = tolerance)
  expect_equal(unname(found$PositiveProb), want$positive, tolerance = tolerance)
  lfsr <- want$lfdr + pmin(want$negative, want$positive)
  expect_equal(unname(found$lfsr), lfsr, tolerance = tolerance)
}

test_that("posteriors, covariances and linear functions are sums over all combinations", {
  for (R in 2:3) {
    g <- product_g(R)
    data <- product_data(R = R)
    A <- rbind(first = replace(numeric(R), 1:2, c(1, -1)), mean = 1 / R, all = seq_len(R) - 1.7)
    for (map in list(NULL, A)) {
      found <- mash_compute_posterior_matrices(g, data, A = map, output_posterior_cov = TRUE)
      want <- by_terms(g, data, if (is.null(map)) diag(R) else map)
      expect_posterior(found, want)
      expect_equal(unname(found$PosteriorCov), want$cov, tolerance = 1e-8)
    }
    m <- mash(data, g = g, fixg = TRUE, verbose = FALSE, outputlevel = 4, output_lfdr = TRUE)
    expect_posterior(m$result, want <- by_terms(g, data))
    expect_equal(unname(drop(m$vloglik)), want$loglik, tolerance = 1e-12)
    expect_equal(unname(rowSums(m$posterior_weights)), 1 - want$share, tolerance = 1e-10)
    expect_equal(mash_compute_vloglik(g, data), m$vloglik)
    mixed <- log(drop(exp(m$lm$loglik_matrix) %*% get_estimated_pi(m, "all"))) + m$lm$lfactors
    expect_equal(mixed, drop(m$vloglik), tolerance = 1e-12)
    # Without the null.
    others <- g
    others$pi[1] <- 0
    total <- 1 - g$pi[1]
    others$pi <- others$pi / total
    others$product$weight <- g$product$weight / total
    expect_equal(unname(drop(m$alt_loglik)), by_terms(others, data)$loglik, tolerance = 1e-12)
  }
})

test_that("missing cells, z-scores and a correlation of each unit are as they should be", {
  g <- product_g(3)
  plain <- product_data(14)
  data <- without_cells(plain, cbind(c(1:6, 7, 7), c(1:3, 1:3, 1:2)))
  A <- rbind(c(1, -1, 0), c(1, 1, 1))
  for (map in list(NULL, A)) {
    found <- mash_compute_posterior_matrices(g, data, A = map)
    expect_posterior(found, by_terms(g, data, if (is.null(map)) diag(3) else map))
  }
  of_z <- g
  of_z[c("units", "alpha")] <- list("z", 1)
  z <- mash_set_data(plain$Bhat, plain$Shat, alpha = 1)
  found <- mash_compute_posterior_matrices(of_z, z, A = A)
  expect_posterior(found, by_terms(of_z, z, A, scale = plain$Shat))
  V <- array(diag(3), c(3, 3, 14))
  by_unit <- mash_compute_posterior_matrices(g, mash_update_data(plain, V = V), A = A)
  expect_equal(by_unit, mash_compute_posterior_matrices(g, plain, A = A), tolerance = 1e-9)
  V[] <- 0.4 + 0.6 * diag(3)
  common <- mash_update_data(plain, V = V[, , 1])
  each <- mash_update_data(plain, V = V)
  expect_equal(
    mash_compute_posterior_matrices(g, each), mash_compute_posterior_matrices(g, common),
    tolerance = 1e-8
  )
  # Correlated errors: the bound is not above the log-likelihood, and near it.
  gap <- by_terms(g, common)$loglik - drop(mash_compute_vloglik(g, common))
  expect_true(all(gap > -1e-9))
  expect_lt(median(gap), 0.1)
})

test_that("samples have the posterior's moments, and do not depend on blocks", {
  g <- product_g(3)
  data <- product_data(8)
  data <- without_cells(data, 3)
  A <- rbind(difference = c(1, 0, -1))
  n <- 20000
  for (map in list(NULL, A)) {
    found <- mash_compute_posterior_matrices(g, data, posterior_samples = n, A = map)
    want <- by_terms(g, data, if (is.null(map)) diag(3) else map)
    samples <- found$PosteriorSamples
    for (q in seq_len(ncol(want$mean))) {
      b <- samples[, q, ]
      sd <- sqrt(want$cov[q, q, ])
      expect_true(all(abs(rowMeans(b) - want$mean[, q]) < 5 * sd / sqrt(n)))
      for (side in c("negative", "lfdr")) {
        p <- want[[side]][, q]
        share <- rowMeans(if (side == "negative") b < 0 else b == 0)
        expect_true(all(abs(share - p) < 5 * sqrt(p * (1 - p) / n) + 1e-9))
      }
    }
  }
  both <- mash(data, g = g, fixg = TRUE, verbose = FALSE, posterior_samples = 30)
  expect_equal(dim(get_samples(both)), c(8, 3, 30))
  first <- \(b) b[, , 7]
  whole <- posterior_functional(g, data, first, n_samples = 30, seed = 123)
  blocks <- posterior_functional(g, data, first, n_samples = 30, seed = 123, block_size = 3)
  expect_identical(blocks, whole)
  expect_equal(unname(whole), unname(get_samples(both)[, , 7]))
  expect_true(all(is.finite(get_pairwise_sharing_from_samples(both, lfsr_thresh = 1.1))))
})

test_that("contrasts are sums over all combinations", {
  g <- product_g(3)
  data <- product_data(10)
  data <- without_cells(data, c(1, 12))
  found <- posterior_contrast(g, data)
  A <- rbind(
    a_deviation = c(1, -0.5, -0.5), a_vs_b = c(1, -1, 0), b_vs_c = c(0, 1, -1)
  )
  want <- by_terms(g, data, A)
  for (k in 1:3) {
    name <- rownames(A)[k]
    known <- !is.na(found[[paste0("mean_contrast_", name)]])
    expect_gt(sum(known), 7)
    column <- \(what) found[[paste0(what, "_contrast_", name)]][known]
    expect_equal(column("mean"), want$mean[known, k], tolerance = 1e-9)
    expect_equal(column("se"), sqrt(want$cov[k, k, known]), tolerance = 1e-7)
    lfsr <- want$lfdr + pmin(want$negative, want$positive)
    expect_equal(column("lfsr"), lfsr[known, k], tolerance = 1e-9)
  }
  # Many conditions: deviations by their characteristic functions, against samples.
  g <- product_g(8, weight = 0.7)
  data <- product_data(6, 8)
  found <- posterior_contrast(g, data, type = "deviation")
  A <- rbind((diag(8) - (1 - diag(8)) / 7)[2, ])
  n <- 40000
  b <- mash_compute_posterior_matrices(g, data, A = A, posterior_samples = n)$PosteriorSamples
  zero <- rowMeans(b[, 1, ] == 0)
  lfsr <- zero + pmin(rowMeans(b[, 1, ] < 0), rowMeans(b[, 1, ] > 0))
  expect_true(all(abs(found$lfsr_contrast_b_deviation - lfsr) < 5 * 0.5 / sqrt(n)))
})

test_that("order of units and conditions, blocks and streams do not matter", {
  g <- product_g(3)
  data <- product_data(11)
  whole <- mash_compute_posterior_matrices(g, data)
  units <- c(7, 3, 11, 1:2)
  turned <- mash_set_data(data$Bhat[units, c("c", "a", "b")], data$Shat[units, c("c", "a", "b")])
  found <- mash_compute_posterior_matrices(g, turned)
  expect_equal(found$lfsr[, c("a", "b", "c")], whole$lfsr[units, ], tolerance = 1e-12)
  expect_equal(mash_posterior(g, data, n_chunks = 4), whole, tolerance = 1e-12)
  parts <- list()
  streamed <- mash_stream(g, data, 3, \(i, p) parts[[i]] <<- p, n_samples = 5)
  expect_equal(do.call(rbind, lapply(parts, `[[`, "lfsr")), whole$lfsr, tolerance = 1e-12)
  expect_equal(sum(streamed$loglik), mash_compute_loglik(g, data))
  samples <- mash_compute_posterior_matrices(g, data, posterior_samples = 5)$PosteriorSamples
  expect_equal(parts[[3]]$PosteriorSamples, samples[8:11, , ], ignore_attr = TRUE)
  folder <- tempfile("stream")
  on.exit(unlink(folder, recursive = TRUE))
  done <- mash_stream(g, data, 2, folder)
  in_files <- do.call(rbind, lapply(done$file, \(file) readRDS(file)$PosteriorMean))
  expect_equal(in_files, whole$PosteriorMean, tolerance = 1e-12)
  # Fewer conditions: the margin.
  some <- mash_set_data(data$Bhat[, c("c", "a")], data$Shat[, c("c", "a")])
  margin <- mash_compute_posterior_matrices(g, some)
  missing <- lapply(data[c("Bhat", "Shat")], replace, 12:22, NA)
  wide <- mash_posterior(g, missing)
  expect_equal(margin$lfsr, wide$lfsr[, c("c", "a")], tolerance = 1e-9)
  kept <- mash_posterior(g, data, exclude = "b")
  expect_equal(kept$lfsr[, c("c", "a")], margin$lfsr, tolerance = 1e-12)
})

test_that("its weight is estimated with the others, by each method and in chunks", {
  g <- product_g(3)
  data <- simulate(structure(
    list(fitted_g = g, alpha = 0), class = c("mash_fit", "mash")
  ), data = product_data(1500), seed = 3)[[1]]$data
  m <- mash(data, g = g, verbose = FALSE, outputlevel = 4)
  expect_true(m$convergence$converged)
  weights <- get_estimated_pi(m, "all")
  expect_equal(sum(weights), 1)
  expect_lt(abs(weights[["product"]] - 0.4), 0.15)
  # No component can raise the penalised log-likelihood.
  L <- exp(m$lm$loglik_matrix)
  gradient <- colSums(L / drop(L %*% weights)) + c(9 / weights[[1]], rep(0, 5))
  gradient <- gradient / (1500 + 9)
  expect_lt(max(gradient), 1 + 1e-6)
  expect_lt(max(abs(gradient[weights > 0] - 1)), 1e-6)
  by_em <- mash(data, g = g, verbose = FALSE, optmethod = "mixEM", outputlevel = 1)
  expect_equal(get_estimated_pi(by_em, "all"), weights, tolerance = 1e-2)
  expect_equal(get_loglik(by_em), get_loglik(m), tolerance = 1e-6)
  rows <- split(1:1500, rep(1:3, each = 500))
  chunk <- \(i) list(Bhat = data$Bhat[rows[[i]], ], Shat = data$Shat[rows[[i]], ])
  chunked <- mash_fit_chunks(g, chunk, 3)
  expect_equal(get_estimated_pi(chunked, "all"), weights, tolerance = 1e-5)
  expect_equal(chunked$loglik, m$loglik, tolerance = 1e-9)
  penalty <- stats::setNames(c(3, rep(1, 4), 8), names(weights))
  drawn <- mash(data, g = g, prior = penalty, verbose = FALSE, outputlevel = 1)
  expect_gt(get_estimated_pi(drawn)[["product"]], weights[["product"]])
  again <- mash(data, g$Ulist, grid = g$grid, normalizeU = FALSE, product = g$product,
                verbose = FALSE, outputlevel = 1)
  expect_equal(get_loglik(again), get_loglik(m))
})

test_that("priors with a product are taken apart and put together", {
  g <- product_g(3)
  data <- product_data()
  prior <- as_prior(g)
  expect_equal(sum(prior$w) + prior$null_weight + prior$product$weight, 1)
  expect_equal(prior$product, g$product)
  loglik <- mash_compute_loglik(g, data)
  expect_equal(mash_compute_loglik(prior, data), loglik)
  parts <- unclass(prior)[c("U", "w", "null_weight", "product", "units")]
  parts$product$pi <- parts$product$pi[, c("b", "c", "a")]
  expect_equal(as_prior(parts)$product, g$product)
  expect_equal(mash_compute_loglik(as_prior(parts), data), loglik)
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(as_mashr(prior), file)
  expect_equal(mash_compute_loglik(readRDS(file), data), loglik)
  rows <- as.data.frame(prior)
  expect_equal(sum(rows$weight), 1)
  expect_identical(rows$component[nrow(rows)], "product")
  expect_equal(rows$largest_sd[nrow(rows)], sqrt(max(g$product$grid^2 %*% g$product$pi)))
  expect_output(print(prior), "independent between conditions")
  # The whole prior.
  g$pi[] <- 0
  g$product$weight <- 1
  alone <- as_prior(g)
  expect_equal(c(sum(alone$w), alone$null_weight), c(0, 0))
  expect_equal(mash_compute_loglik(alone, data), mash_compute_loglik(g, data))
  m <- mash(data, g = alone, fixg = TRUE, verbose = FALSE)
  expect_output(print(m), "product: effects are independent")
  expect_equal(nrow(get_samples(mash(data, g = g, fixg = TRUE, verbose = FALSE,
                                     posterior_samples = 2))), 12)
  bad <- product_g(3)
  bad$product$pi[1, 2] <- 2
  expect_error(mash_compute_loglik(bad, data), "product\\$pi", class = "mnmash_error_value")
  bad$product$pi <- bad$product$pi[, 1:2]
  expect_error(mash_compute_loglik(bad, data), "product", class = "mnmash_error_type")
})

test_that("simulations are of the product too, and the check of z-scores knows it", {
  g <- product_g(3, 0.8)
  m <- structure(list(fitted_g = g, alpha = 0), class = c("mash_fit", "mash"))
  like <- matrix(0, 6000, 3, dimnames = list(NULL, letters[1:3]))
  like <- mash_set_data(like, like + 1)
  found <- simulate(m, data = like, seed = 4)[[1]]
  alone <- found$component == 6
  expect_lt(abs(mean(alone) - 0.8), 0.03)
  b <- found$B[alone, ]
  zero <- g$product$pi[1, ]
  expect_lt(max(abs(colMeans(b == 0) - zero)), 0.04)
  expect_lt(max(abs(colMeans(b^2) / drop(g$product$grid^2 %*% g$product$pi) - 1)), 0.15)
  expect_lt(abs(cor(b[, 1] == 0, b[, 2] == 0)), 0.06)
  check <- mash_z_check(m, found$data)
  expect_lt(max(abs(check$conditions$score)), 4)
  expect_lt(max(abs(check$moments$score)), 4.5)
})

test_that("models of normals get normals in its place, and say so", {
  g <- product_g(3)
  prior <- as_prior(g)
  expect_message(
    regular <- as_mvsusie_prior(prior), "independent", class = "mnmash_message_product"
  )
  # Units with effects in no condition or one are described exactly, variances too.
  pi <- g$product$pi
  lone <- pi[3, 2] * prod(pi[1, c(1, 3)])
  total <- 1 - regular$null_weight
  expect_equal(regular$null_weight, g$pi[1] + 0.4 * prod(pi[1, ]))
  at <- vapply(regular$matrices, \(U) isTRUE(all.equal(unname(U), diag(c(0, 9, 0)))), NA)
  expect_equal(sum(regular$weights[at]) * total, 0.4 * lone, ignore_attr = TRUE)
  second <- Reduce(`+`, Map(`*`, regular$matrices, total * regular$weights))
  normals <- Reduce(`+`, Map(`*`, prior$U, prior$w))
  expect_equal(second - normals, diag(0.4 * drop(g$product$grid^2 %*% pi)), ignore_attr = TRUE)
  # Nearer to the truth than without: log-likelihoods of new data.
  m <- structure(list(fitted_g = g, alpha = 0), class = c("mash_fit", "mash"))
  data <- simulate(m, data = product_data(3000), seed = 5)[[1]]$data
  loss <- function(prior) mash_compute_loglik(g, data) - mash_compute_loglik(prior, data)
  near <- as_prior(regular)
  near$units <- "effect"
  without <- prior
  without$product <- NULL
  without$w <- without$w / 0.6
  without$null_weight <- without$null_weight / 0.6
  expect_lt(loss(near), loss(without) / 3)
  set.seed(6)
  X <- matrix(rnorm(300), 100)
  Y <- X %*% matrix(c(2, 0, 0, 0, 0, 0, 0, 0, 0), 3) + rnorm(300)
  colnames(Y) <- letters[1:3]
  said <- \(code) expect_message(code, "independent", class = "mnmash_message_product")
  said(fit <- mr_mash(X, Y, prior))
  expect_true(all(is.finite(coef(fit))))
})

test_that("the pipeline learns it, and its steps go on with it", {
  input <- simulate_mash_input(200, 800, 300, 4, seed = 2)
  set.seed(7)
  for (set in c("strong", "random")) {
    shape <- dim(input[[paste0(set, ".b")]])
    share <- if (set == "strong") 0.8 else 0.35
    B <- matrix(rbinom(prod(shape), 1, share) * rnorm(prod(shape), sd = 5), shape[1])
    S <- input[[paste0(set, ".s")]]
    input[[paste0(set, ".b")]][] <- S * (B + rnorm(prod(shape)))
  }
  prior <- mixture_prior(input, V = "identity", effect_model = "EZ", verbose = FALSE)
  expect_gt(prior$product$weight, 0.5)
  expect_equal(sum(prior$w) + prior$null_weight + prior$product$weight, 1)
  expect_gt(prior$convergence$iterations, 1)
  fit <- mash_fit(input, prior, verbose = FALSE)
  expect_gt(get_estimated_pi(fit)[["product"]], 0.1)
  expect_equal(fit$fitted_g$product$pi, prior$product$pi)
  strong <- mash_set_data(input$strong.b, input$strong.s, alpha = 1, V = fit$V)
  expect_equal(mash_posterior(fit, strong)$lfsr, fit$posterior$lfsr)
  skip_if_not_installed("ggplot2")
  titles <- levels(plot_U(prior)$data$matrix)
  expect_true(any(grepl("^product", titles)))
  expect_true("product" %in% plot(fit)$data$matrix)
})
