# What results that are no model fits answer to print(), summary(), as.data.frame(), tidy() and
# glance(); and that no print() is as long as the data.

small_results <- function() {
  set.seed(1)
  sims <- simple_sims(nsamp = 10, ncond = 3, err_sd = 0.5)
  colnames(sims$Bhat) <- colnames(sims$Shat) <- c("liver", "lung", "brain")
  data <- mash_set_data(sims$Bhat, sims$Shat)
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  list(
    cv = mash_cv(data, list(one = list(a = diag(3)), all = cov_canonical(data)), folds = 2),
    check = mash_z_check(m, data), alone = mash_1by1(data),
    ed = ed(data, U = list(a = diag(3), b = matrix(1, 3, 3)), max_iter = 5)
  )
}

test_that("tables are those of the results, and summaries order them", {
  found <- small_results()
  expect_identical(as.data.frame(found$cv), found$cv$loglik)
  expect_identical(summary(found$cv)$loglik, sort(found$cv$loglik$loglik, decreasing = TRUE))
  expect_identical(as.data.frame(found$check), found$check$conditions)
  worst <- summary(found$check, top = 2)
  largest <- order(-abs(found$check$conditions$score))[1:2]
  expect_identical(worst$conditions, found$check$conditions[largest, ])
  score <- found$check$moments$score
  expect_identical(
    abs(worst$pairs$score[1L]), max(abs(score[upper.tri(score, diag = TRUE)]))
  )
  table <- as.data.frame(found$alone)
  expect_identical(table$mean, as.vector(get_pm(found$alone)))
  expect_identical(table$condition, rep(c("liver", "lung", "brain"), each = 40))
  expect_identical(coef(found$alone), get_pm(found$alone))
  expect_identical(
    summary(found$alone, 0.2)$by_condition, colSums(get_lfsr(found$alone) < 0.2)
  )
  table <- as.data.frame(found$ed)
  expect_identical(table$component, c("a", "b"))
  expect_identical(table$pi, unname(found$ed$pi))
  expect_equal(table$largest_sd, vapply(c("a", "b"), \(k) sqrt(max(diag(coef(found$ed)[[k]]))), 0),
               ignore_attr = TRUE)
  expect_identical(nobs(found$ed), 40L)
  skip_if_not_installed("generics")
  for (x in found) {
    expect_identical(generics::tidy(x), as.data.frame(x))
    expect_identical(nrow(generics::glance(x)), 1L)
  }
})

test_that("what is printed is bounded, however many sets, components, models or conditions", {
  lines <- \(x) length(utils::capture.output(print(x)))
  width <- \(x) max(nchar(utils::capture.output(print(x))))
  set.seed(1)
  found <- small_results()
  found$cv$loglik <- found$cv$loglik[rep(1:2, 30), ]
  expect_lte(lines(found$cv), 13L)
  expect_match(utils::capture.output(print(found$cv))[13L], "50 more")
  many <- found$ed
  many$U <- stats::setNames(rep(many$U, 30), paste0("U", 1:60))
  many$pi <- rep(1 / 60, 60)
  many$ranks <- rep(many$ranks, 30)
  expect_lte(lines(many), 14L)
  Z <- matrix(rnorm(4000, sd = 2), ncol = 4)
  models <- bmass(Z, 500, V = diag(4), sigma_alpha = 0.1)
  expect_lt(width(models), 250)
  loci <- data.frame(locus = rep(1:60, each = 5), z = rnorm(300, sd = 2))
  annotations <- matrix(rbinom(300 * 40, 1, 0.3), 300, dimnames = list(NULL, paste0("a", 1:40)))
  enriched <- enrich(loci, annotations, penalty = 5, conf_level = NULL)
  expect_lte(lines(enriched), 24L)
  expect_lte(lines(summary(enriched)), 27L)
  wide <- mash_set_data(matrix(rnorm(600), 100, dimnames = list(NULL, letters[1:6])))
  prior <- list(pi = 1, Ulist = list(a = diag(6)), grid = 1, usepointmass = FALSE, alpha = 0)
  contrasts <- posterior_contrast(prior, wide)
  expect_lte(lines(contrasts), 17L)
  shown <- utils::capture.output(print(contrasts, n = 1))
  expect_match(shown[1L], "100 units: 21 contrasts", fixed = TRUE)
  expect_match(shown[length(shown)], "80 more columns", fixed = TRUE)
  LD <- diag(3)
  checked <- qc_sumstats(matrix(rnorm(120), 3), LD, 100)
  expect_lt(width(checked), 250)
})

test_that("pictures show the numbers of the results", {
  skip_if_not_installed("ggplot2")
  set.seed(1)
  found <- small_results()
  points <- ggplot2::layer_data(plot(found$cv), 3L)
  expect_setequal(points$x, found$cv$loglik$difference)
  expect_equal(ggplot2::layer_data(plot(found$ed), 1L)$y, found$ed$trace)
  bars <- ggplot2::layer_data(plot(found$alone, thresh = 0.3), 1L)
  expect_equal(rev(bars$x[order(bars$y)]), unname(colMeans(get_lfsr(found$alone) < 0.3)))
  loci <- data.frame(locus = rep(1:60, each = 5), z = rnorm(300, sd = 2))
  near <- cbind(near = rep(0:1, 150), far = rep(c(0, 0, 1), 100))
  enriched <- enrich(loci, near, penalty = 1)
  drawn <- plot(enriched)
  expect_equal(sort(ggplot2::layer_data(drawn, 2L)$x), sort(unname(coef(enriched)[-1L])))
  expect_equal(sort(ggplot2::layer_data(drawn, 3L)$xend), sort(enriched$coef$upper[-1L]))
  expect_error(plot(enrich(loci)), "no annotation", class = "mnmash_error_argument")
  Z <- matrix(rnorm(60, sd = 2), 20, dimnames = list(paste0("rs", 1:20), c("a", "b", "c")))
  models <- bmass(Z, 500, V = diag(3), sigma_alpha = 0.1)
  bars <- ggplot2::layer_data(plot(models, top = 7))
  # Each unit's bar has length one in each condition.
  expect_identical(nrow(bars), 7L * 3L * 3L)
  expect_equal(as.vector(tapply(bars$xmax - bars$xmin, list(bars$y, bars$PANEL), sum)), rep(1, 21))
  best <- which.max(models$log10_bf_average)
  top <- bars[bars$y == 7 & bars$PANEL == "2", ]
  expect_equal(
    sort(top$xmax - top$xmin), sort(unname(models$marginal[best, "b", ])), tolerance = 1e-10
  )
  LD <- 0.9^abs(outer(1:20, 1:20, "-"))
  dimnames(LD) <- list(rownames(Z), rownames(Z))
  z <- drop(t(chol(LD)) %*% rnorm(20)) + 5 * LD[, 10]
  z[12] <- -z[12]
  checked <- qc_sumstats(stats::setNames(z, rownames(Z)), LD, 500)
  expect_true(checked$variables$flip[12])
  points <- ggplot2::layer_data(plot(checked), 2L)
  expect_equal(sort(points$y), sort(checked$variables$z))
  expect_equal(points$y[points$colour == "#d1495b"], checked$variables$z[checked$variables$flip])
  expect_true("rs12" %in% ggplot2::layer_data(plot(checked), 3L)$label)
})

test_that("contrasts are tidied by unit and contrast, priors by component", {
  skip_if_not_installed("generics")
  Bhat <- matrix(sin(1:30), 10, dimnames = list(paste0("u", 1:10), c("a", "b", "c")))
  prior <- list(pi = 1, Ulist = list(a = diag(3)), grid = 1, usepointmass = FALSE, alpha = 0)
  contrasts <- posterior_contrast(prior, mash_set_data(Bhat))
  table <- generics::tidy(contrasts)
  expect_named(table, c("unit", "contrast", "estimate", "std.error", "p.value", "lfsr"))
  row <- table[table$unit == "u4" & table$contrast == "a_vs_b", ]
  expect_identical(row$estimate, contrasts["u4", "mean_contrast_a_vs_b"])
  expect_identical(row$lfsr, contrasts["u4", "lfsr_contrast_a_vs_b"])
  expect_identical(generics::glance(contrasts)$n_units, 10L)
  learnt <- as_prior(list(U = list(a = diag(3), b = matrix(1, 3, 3)), w = c(0.2, 0.3),
                          null_weight = 0.5))
  expect_identical(generics::tidy(learnt), as.data.frame(learnt))
  expect_equal(generics::glance(learnt)$null, 0.5)
})
