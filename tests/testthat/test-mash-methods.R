# Data and fits answer what models are asked, and say so where they cannot.

methods_case <- function() {
  withr::local_seed(2)
  sims <- simple_sims(nsamp = 10, ncond = 3, err_sd = 0.5)
  dimnames(sims$Bhat) <- list(paste0("unit", seq_len(nrow(sims$Bhat))), c("a", "b", "c"))
  sims$Bhat[2, 3] <- NA
  data <- mash_set_data(sims$Bhat, 0.5, alpha = 1)
  list(B = sims$Bhat, data = data, m = mash(data, cov_canonical(data), verbose = FALSE))
}

test_that("data and fits are of different classes, and of mashr's", {
  case <- methods_case()
  expect_identical(class(case$data), c("mash_data", "mash"))
  expect_identical(class(case$m), c("mash_fit", "mash"))
  expect_identical(class(mash_update_data(case$data, ref = 1)), c("mash_data", "mash"))
  # What mashr saved has one class, and is told by what is in it.
  old <- list(data = structure(case$data, class = "mash"), fit = structure(case$m, class = "mash"))
  expect_identical(as.data.frame(old$data), as.data.frame(case$data))
  expect_identical(as.data.frame(old$fit), as.data.frame(case$m))
  expect_identical(get_pm(predict(old$fit, newdata = old$data)), get_pm(case$m))
  expect_identical(capture.output(print(old$data)), capture.output(print(case$data)))
})

test_that("data are a table of effects, standard errors and z-scores, in the units of Bhat", {
  case <- methods_case()
  table <- as.data.frame(case$data)
  expect_named(table, c("unit", "condition", "effect", "se", "z"))
  expect_identical(table$unit, rep(rownames(case$B), 3))
  expect_identical(table$condition, rep(c("a", "b", "c"), each = nrow(case$B)))
  expect_equal(table$effect, as.vector(case$B))
  expect_equal(table$se[!is.na(case$B)], rep(0.5, sum(!is.na(case$B))))
  expect_equal(table$z, as.vector(case$B) / 0.5)
  expect_true(all(is.na(table[is.na(case$B), 3:5])))
})

test_that("a fit answers as models do", {
  case <- methods_case()
  m <- case$m
  expect_identical(coef(m), get_pm(m))
  expect_identical(fitted(m), get_pm(m))
  expect_equal(residuals(m, case$data), case$B - get_pm(m))
  expect_equal(residuals(m, data_rows(case$data, rev(seq_len(nrow(case$B))))),
               (case$B - get_pm(m))[rev(seq_len(nrow(case$B))), ])
  expect_identical(nobs(m), nrow(case$B))
  expect_equal(as.numeric(logLik(m)), m$loglik)
  expect_identical(attr(logLik(m), "df"), sum(m$fitted_g$pi > 0) - 1L)
  expect_equal(BIC(m), -2 * m$loglik + log(nrow(case$B)) * attr(logLik(m), "df"))
  expect_identical(predict(m), m$result)
  turned <- mash_set_data(case$B[, 3:1], 0.5, alpha = 1)
  expect_equal(get_pm(predict(m, newdata = turned))[, 3:1], get_pm(m), tolerance = 1e-12)
  again <- update(m, case$data)
  expect_equal(again$convergence$objective, m$convergence$objective, tolerance = 1e-9)
  skip_if_not_installed("generics")
  expect_identical(generics::tidy(m), as.data.frame(m))
  glance <- generics::glance(m)
  expect_identical(nrow(glance), 1L)
  expect_equal(glance$loglik, m$loglik)
})

test_that("what is not there is an error that says how to get it, never NULL", {
  case <- methods_case()
  m <- case$m
  prior <- mash(case$data, g = m, fixg = TRUE, outputlevel = 1, verbose = FALSE)
  for (get in list(get_pm, get_psd, get_lfsr, get_lfdr, get_np, get_pp, coef, fitted, predict, lfsr,
                   get_samples, as.data.frame, get_significant_results, get_pairwise_sharing)) {
    expect_error(get(prior), "holds no posteriors.*outputlevel", class = "mnmash_error_argument")
  }
  expect_error(get_lfdr(m), "output_lfdr = TRUE", class = "mnmash_error_argument")
  expect_error(get_significant_results(m, sig_fn = get_lfdr), "output_lfdr = TRUE",
    class = "mnmash_error_argument")
  expect_error(get_samples(m), "posterior_samples", class = "mnmash_error_argument")
  bare <- mash(case$data, m$fitted_g$Ulist, usepointmass = FALSE, verbose = FALSE)
  expect_error(get_log10bf(bare), "usepointmass", class = "mnmash_error_argument")
  for (get in list(get_pm, get_lfdr, get_loglik, get_fitted_g, get_log10bf, get_estimated_pi, lfsr,
                   coef, fitted, logLik, nobs, get_samples, get_pairwise_sharing, predict)) {
    expect_error(get(case$data), "is data", class = "mnmash_error_type")
  }
  expect_error(residuals(m), "`data` is missing", class = "mnmash_error_argument")
  expect_error(simulate(m), "`data` is missing", class = "mnmash_error_argument")
  expect_error(summary(m, tresh = 0.1), "did you mean `thresh`", class = "mnmash_error_argument")
  expect_error(predict(m, newdata = case$data, output_lfdrr = TRUE), "output_lfdr",
    class = "mnmash_error_argument")
  expect_identical(
    mash(case$data, g = m, fixg = TRUE, output_level = 1, verbose = FALSE), prior
  )
})

test_that("numbers have commas whatever the decimal mark of the session", {
  withr::local_options(OutDec = ",", warn = 2)
  expect_identical(mnmash:::number(1234567), "1,234,567")
  expect_output(print(methods_case()$m), "log-likelihood")
})

test_that("priors of ud_fit() do not clash with udr's class, whose fits are read", {
  case <- methods_case()
  fit <- ud_fit(case$data, K = 2, seed = 1, max_iter = 5)
  expect_s3_class(fit, "mnmash_ud")
  expect_identical(nobs(fit), nrow(case$B))
  expect_identical(coef(fit), fit$U)
  expect_identical(as.data.frame(fit), fit$components)
  turned <- mash_set_data(case$B[, 3:1], 0.5, alpha = 1)
  expect_equal(get_pm(predict(fit, turned))[, 3:1], get_pm(predict(fit, case$data)),
    tolerance = 1e-12)
  theirs <- structure(
    list(U = list(a = list(s = 2, mat = diag(2))), w = c(a = 1), V = diag(2)), class = "ud_fit"
  )
  expect_equal(unname(as_prior(theirs)$U$a), 2 * diag(2))
  expect_error(ud_fit(case$data, maxitr = 3), class = "mnmash_error_argument")
})

test_that("multiples of a matrix count as one in summaries, whatever they are called", {
  data <- mash_set_data(matrix(rnorm(40), 10, 4))
  U <- list(a = diag(4), b.1 = diag(c(1, 1, 0, 0)), b.2 = 4 * diag(c(1, 1, 0, 0)), c = 3 * diag(4))
  g <- list(Ulist = U, grid = 1, usepointmass = TRUE, pi = c(0.1, 0.2, 0.3, 0.15, 0.25))
  fit <- mash(data, g = g, fixg = TRUE, verbose = FALSE)
  expect_equal(summary(fit)$pi, c(b = 0.45, a = 0.45, null = 0.1)[names(summary(fit)$pi)])
  expect_equal(sum(summary(fit)$pi), 1)
  expect_named(get_estimated_pi(fit), c("null", "a", "b.1", "b.2", "c"))
})

test_that("matrices keep names of their own where multiples of two kinds are called alike", {
  one <- diag(c(1, 0, 0))
  U <- list(ud_1 = one, ud_2 = 2 * one, ud_3 = diag(3), ud_4 = 3 * diag(3), a = diag(3) + 1)
  found <- weights_by_matrix(U, c(0.1, 0.2, 0.3, 0.15, 0.25))
  expect_equal(found, c(ud_3 = 0.45, ud_1 = 0.3, a = 0.25))
  m <- list(Ulist = U, grid = 1, usepointmass = FALSE, pi = c(0.1, 0.2, 0.3, 0.15, 0.25))
  data <- mash_set_data(matrix(rnorm(30), 10, 3))
  fit <- mash(data, g = m, fixg = TRUE, verbose = FALSE)
  expect_equal(sum(summary(fit)$pi), 1)
  skip_if_not_installed("ggplot2")
  expect_s3_class(plot(fit), "ggplot")
})
