case <- readRDS(test_path("fixtures", "cov_canonical_pca.rds"))
data <- mash_set_data(case$input$Bhat, case$input$Shat)

test_that("canonical matrices are those of the reference, with their names and order", {
  expect_equal(cov_canonical(data), case$output$canonical)
  methods <- c("null", "identity", "singletons", "equal_effects", "simple_het")
  expect_equal(cov_canonical(data, methods), case$output$canonical_with_null)
})

test_that("methods can be abbreviated, reordered, or given as functions", {
  expect_named(cov_canonical(data, c("equal", "id")), c("equal_effects", "identity"))
  mine <- list(fn = \(data, rho) list(diag(2), rho * diag(2)), args = list(rho = 0.3))
  found <- cov_canonical(data, list("identity", mine = mine))
  expect_named(found, c("identity", "mine_1", "mine_2"))
  expect_equal(found$mine_2, 0.3 * diag(2))
  het <- cov_canonical(data, list(het = list(fn = cov_simple_het, args = list(corr = 0.1))))
  expect_equal(het$het_1[1, 2], 0.1)
  expect_error(cov_canonical(data, "cube"), "identity", class = "mnmash_error_argument")
  expect_error(cov_canonical(data, list(1)), class = "mnmash_error_argument")
})

test_that("singletons are numbered without names of conditions; one condition works", {
  bare <- mash_set_data(unname(case$input$Bhat))
  expect_named(cov_canonical(bare, "singletons"), paste0("singletons_", 1:5))
  one <- cov_canonical(mash_set_data(1:3))
  expect_length(one, 6)
  expect_true(all(vapply(one, identical, NA, matrix(1))))
})

test_that("principal components are those of the reference", {
  expect_equal(cov_pca(data, 3), case$output$pca, tolerance = 1e-10)
  expect_equal(cov_pca(data, 3, case$input$subset), case$output$pca_subset, tolerance = 1e-10)
  picked <- seq_len(nrow(data$Bhat)) %in% case$input$subset
  expect_equal(cov_pca(data, 3, picked), case$output$pca_subset, tolerance = 1e-10)
})

test_that("one component works, and limits are explained", {
  one <- cov_pca(data, 1)
  expect_equal(one$PCA_1 * svd(data$Bhat)$d[1]^2 / 60, one$tPCA)
  expect_named(cov_pca(mash_set_data(1:3), 1), c("PCA_1", "tPCA"))
  expect_error(cov_pca(data, 6), "`npc`.* 5, not 6", class = "mnmash_error_argument")
  expect_error(cov_pca(data, 1.5), "whole", class = "mnmash_error_argument")
  expect_error(cov_pca(data, 3, 1:2), "at least `npc` = 3 rows", class = "mnmash_error_argument")
  expect_error(cov_pca(data, 2, c(1, 99)), "element 2 is 99", class = "mnmash_error_argument")
})

test_that("centring and scaling are principal components of the covariance or correlation", {
  B <- data$Bhat
  n <- nrow(B)
  covariance <- cov(B) * (n - 1) / n
  expect_equal(cov_pca(data, 5, center = TRUE)$tPCA, covariance)
  expect_equal(cov_pca(data, 5, center = TRUE, scale = TRUE)$tPCA, covariance)
  # Two components: those of the correlations, in the units of the effects.
  first <- eigen(cov2cor(covariance))
  sd <- sqrt(diag(covariance))
  expected <- lapply(1:2, \(k) tcrossprod(sd * first$vectors[, k]))
  found <- cov_pca(data, 2, center = TRUE, scale = TRUE)
  expect_equal(unname(found$PCA_2), unname(expected[[2]]))
  expect_equal(
    unname(found$tPCA), unname(first$values[1] * expected[[1]] + first$values[2] * expected[[2]])
  )
  scaled <- cov_pca(mash_set_data(B * 100, case$input$Shat * 100), 3, scale = TRUE)
  expect_equal(scaled$PCA_1, cov_pca(data, 3, scale = TRUE)$PCA_1 * 1e4)
})

test_that("missing cells count as zero, or as the mean when there is one", {
  B <- data$Bhat
  B[cbind(1:20, 1:5)] <- NA
  some <- mash_set_data(B)
  filled <- apply(B, 2, \(x) ifelse(is.na(x), mean(x, na.rm = TRUE), x))
  expect_equal(cov_pca(some, 2, center = TRUE), cov_pca(mash_set_data(filled), 2, center = TRUE))
  zero <- replace(B, is.na(B), 0)
  expect_equal(cov_pca(some, 2), cov_pca(mash_set_data(zero), 2))
})

test_that("one row is enough for one component, and not for two or for a mean", {
  one <- cov_pca(data, 1, subset = 7)
  expect_equal(one$tPCA, tcrossprod(data$Bhat[7, ]), ignore_attr = TRUE)
  expect_error(cov_pca(data, 2, 7), "at least `npc` = 2 rows, not 1")
  expect_error(cov_pca(data, 1, 7, center = TRUE), "one row cannot be centred",
    class = "mnmash_error_argument"
  )
})
