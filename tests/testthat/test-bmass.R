# Stored results of bmass 1.0.3, and the known-V problem as normal densities.

test_that("Bayes factors, posteriors and weights are bmass's", {
  case <- reference_case("bmass_d3")
  input <- case$input
  out <- case$output
  fit <- bmass(input$Z, input$n, V = input$V, maf = input$maf, sigma_alpha = input$sigma_alpha)
  rows <- match(rownames(fit$models), out$model)
  expect_equal(rowSums(fit$weights), out$prior[rows], ignore_attr = TRUE, tolerance = 1e-12)
  expect_lt(max(abs(fit$log10_bf - out$log10bf_average_over_sigma[rows, ])), 1e-8)
  expect_lt(max(abs(fit$log10_bf_average - out$log10bf_snp_prior_weighted)), 1e-8)
  expect_lt(max(abs(fit$posterior - out$posterior_model[rows, ])), 1e-8)
  for (g in 1:3) expect_lt(max(abs(fit$marginal[, , g] - out$marginal_U_D_I[g, , ])), 1e-8)
  for (s in seq_len(dim(out$log10bf)[3])) {
    sigma <- input$sigma_alpha[c(1, 5, 10, 14)[s]]
    one <- bmass(input$Z, input$n, V = input$V, maf = input$maf, sigma_alpha = sigma)
    expect_lt(max(abs(one$log10_bf - out$log10bf[rows, , s])), 1e-8)
  }
  expect_equal(fit$top$probability, apply(fit$posterior, 2, max))
  expect_output(print(fit), "40 units")
})

test_that("with known V the models are a mash with direct and indirect covariances", {
  case <- reference_case("bmass_d3")
  input <- case$input
  want <- case$output$log10bf_known_V
  data <- mash_set_data(input$Z, V = input$V)
  U <- cov_udi(data)
  for (name in names(case$output$udi_covariances)) {
    stored <- case$output$udi_covariances[[name]]
    expect_lt(max(abs(U[[paste0("cov_udi_", name)]] - stored)), 1e-12)
  }
  for (s in 1:3) {
    sigma <- input$sigma_alpha[c(1, 7, 14)[s]]
    fit <- bmass(input$Z, input$n, input$V, input$maf, sigma, formula = "known")
    expect_lt(
      max(abs(fit$log10_bf[dimnames(want)[[1]], 1:10] - want[, , s])), 1e-8
    )
  }
})

test_that("estimated weights have at least the likelihood of the tool's EM", {
  case <- reference_case("bmass_d3")
  input <- case$input
  fit <- bmass(input$Z, input$n, V = input$V, maf = input$maf, sigma_alpha = input$sigma_alpha,
               weights = "estimate", nullweight = 1)
  expect_equal(sum(fit$weights), 1, tolerance = 1e-12)
  expect_equal(colSums(fit$posterior), rep(1, 40), tolerance = 1e-12)
  loglik <- function(w) {
    total <- 0
    for (s in seq_along(input$sigma_alpha)) {
      one <- bmass(input$Z, input$n, input$V, input$maf, input$sigma_alpha[s])
      total <- total + colSums(w[, s] * 10^one$log10_bf)
    }
    sum(log(total))
  }
  em <- matrix(case$output$em_prior, ncol = 14)
  positive <- case$output$model[case$output$prior > 0]
  em <- em[match(rownames(fit$models), positive), ]
  expect_gt(loglik(fit$weights), loglik(em) - 1e-6)
})

test_that("estimated weights keep a null where there is one", {
  V <- 0.3 + diag(0.7, 3)
  estimated <- \(Z, ...) bmass(Z, 5000, V = V, weights = "estimate", n_threads = 1, ...)
  for (seed in 1:3) {
    set.seed(seed)
    Z <- matrix(rnorm(4500), 1500) %*% chol(V)
    nothing <- estimated(Z)
    expect_gt(sum(nothing$weights[1, ]), 0.8)
    expect_lt(mean(1 - nothing$posterior[1, ]), 0.15)
    expect_lt(sum(nothing$posterior[1, ] < 0.2), 2)
    # A fifth has effects in all conditions, or in one.
    act <- runif(1500) < 0.2
    own <- diag(3)[sample(3, 1500, TRUE), ]
    shared <- runif(1500) < 0.5
    B <- act * 3 * rnorm(1500) * ifelse(shared, 1, own)
    some <- estimated(Z + B)
    associated <- 1 - some$posterior[1, ]
    expect_lt(abs(mean(associated) - 0.2), 0.15)
    middle <- associated > 0.5 & associated < 0.9
    expect_lt(abs(mean(act[middle]) - mean(associated[middle])), 0.2)
  }
  # Its weight can only rise with the penalty.
  null <- vapply(c(1, 10, 100), \(w) sum(estimated(Z, nullweight = w)$weights[1, ]), 0)
  expect_false(is.unsorted(null))
  expect_error(estimated(Z, pi0 = 0.9), "`pi0`", class = "mnmash_error_argument")
  expect_error(bmass(Z, 5000, V = V, nullweight = 5), "`nullweight`",
               class = "mnmash_error_argument")
})

test_that("bad input is refused", {
  Z <- matrix(rnorm(30), 10)
  expect_error(bmass(Z), "`n`", class = "mnmash_error_argument")
  expect_error(bmass(Z, 100), "`V` must be given", class = "mnmash_error_argument")
  expect_error(bmass(Z, 100, V = diag(2)), class = "mnmash_error_dimension")
  expect_error(bmass(Z, 100, V = matrix(1, 3, 3)), class = "mnmash_error_not_psd")
  expect_error(bmass(Z * 1e3, 100, V = diag(3)), "impossible", class = "mnmash_error_value")
  expect_error(bmass(Z, 100, V = diag(3), maf = 2), class = "mnmash_error_value")
  Z[4, 2] <- NA
  expect_error(bmass(Z, 100, V = diag(3)), "row 4", class = "mnmash_error_missing")
  expect_error(bmass(matrix(0, 5, 9), 100, V = diag(9)), "at most 8",
               class = "mnmash_error_dimension")
})
