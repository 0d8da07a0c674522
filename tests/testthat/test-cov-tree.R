# Effects shared by some conditions; the others have their own.
blocks_of_effects <- function(J = 300, names = c("b", "d", "a", "e", "c")) {
  set.seed(1)
  first <- rbinom(J, 1, 0.5) * rnorm(J, sd = 5)
  second <- rbinom(J, 1, 0.5) * rnorm(J, sd = 5)
  B <- cbind(first, first, first, second, second) + rnorm(5 * J)
  colnames(B) <- names
  B
}

# Such as "abd", for each matrix.
sets_of <- function(found) {
  vapply(found, \(U) paste(sort(colnames(U)[diag(U) > 0]), collapse = ""), "", USE.NAMES = FALSE)
}

test_that("conditions in which the same units have effects are joined, whatever the signs", {
  B <- blocks_of_effects()
  B[, 2] <- -B[, 2]
  found <- cov_tree(mash_set_data(B))
  sets <- sets_of(found)
  expect_true(all(c("abd", "ce") %in% sets))
  expect_false(anyDuplicated(sets) > 0)
  U <- found[[which(sets == "ce")]]
  expect_identical(unname(U[c("c", "e"), c("c", "e")]), matrix(c(1, 0.5, 0.5, 1), 2))
  expect_identical(sum(U), 3)
})

test_that("distances are of ranks among the observed cells, by the pairs that have both", {
  B <- blocks_of_effects(60)
  B[cbind(1:20, rep(1:4, 5))] <- NA
  size <- log1p(pmax(B^2 - 1, 0))
  ranks <- apply(size, 2, rank, na.last = "keep")
  tree <- hclust(as.dist(1 - cor(ranks, use = "pairwise.complete.obs")), "average")
  cut <- lapply(2:4, \(k) split(colnames(B), cutree(tree, k)))
  spelt <- \(groups) vapply(groups, \(g) paste(sort(g), collapse = ""), "")
  branches <- unique(unlist(lapply(cut, spelt)))
  branches <- branches[nchar(branches) > 1]
  found <- sets_of(cov_tree(mash_set_data(B)))
  expect_true(all(branches %in% found))
})

test_that("neither the order of conditions nor of units has a say, nor the unit, ties or not", {
  B <- round(blocks_of_effects(40))
  B[, "c"] <- B[, "d"]
  one <- cov_tree(mash_set_data(B))
  two <- cov_tree(mash_set_data(B[40:1, c(4, 2, 5, 1, 3)]))
  three <- cov_tree(mash_set_data(1e-3 * B, 1e-3))
  expect_identical(lapply(two, \(U) U[colnames(B), colnames(B)]), one)
  expect_identical(three, one)
})

test_that("sets are of some conditions, and lack some", {
  data <- mash_set_data(blocks_of_effects())
  for (smallest in 2:3) {
    size <- vapply(cov_tree(data, smallest = smallest), \(U) sum(diag(U)), 0)
    expect_true(all(size >= smallest & 5 - size >= smallest / 2))
  }
  expect_identical(cov_tree(mash_set_data(matrix(rnorm(20), 10))), list())
  expect_identical(unique(unlist(cov_tree(data, rho = 0))), c(0, 1))
  # A condition without variation is close to none.
  flat <- mash_set_data(cbind(blocks_of_effects(), 0))
  expect_true(all(is.finite(unlist(cov_tree(flat)))))
})
