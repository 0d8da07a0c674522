# Units and conditions of association models and of checks in other orders: the same results.

test_that("association models match units and conditions by name", {
  set.seed(5)
  conditions <- c("ldl", "hdl", "tg")
  Z <- matrix(rnorm(60), 20, dimnames = list(paste0("rs", 1:20), conditions))
  Z[1:4, 1] <- Z[1:4, 1] + 7
  V <- matrix(c(1, 0.2, 0.5, 0.2, 1, -0.3, 0.5, -0.3, 1), 3)
  dimnames(V) <- list(conditions, conditions)
  n <- setNames(round(runif(20, 2000, 9000)), rownames(Z))
  maf <- setNames(runif(20, 0.05, 0.5), rownames(Z))
  for (formula in c("finite", "known")) {
    run <- \(Z, n, V, maf) bmass(Z, n, V, maf, sigma_alpha = c(0.02, 0.1), formula = formula)
    fit <- run(Z, n, V, maf)
    other <- run(Z, rev(n), V[3:1, 3:1], c(maf[7:20], more = 0.2, maf[1:6]))
    expect_equal(other$marginal, fit$marginal, tolerance = 1e-10)
    expect_equal(other$log10_bf, fit$log10_bf, tolerance = 1e-10)
    expect_identical(other$V, V)
    turned <- run(Z[20:1, c(2, 3, 1)], n, V, maf)
    expect_equal(turned$marginal[rownames(Z), conditions, ], fit$marginal, tolerance = 1e-9)
  }
  expect_error(bmass(Z, setNames(n, paste0("a", 1:20)), V), "`n`", class = "mnmash_error_names")
  expect_error(bmass(Z, n[1:7], V), "`n`", class = "mnmash_error_names")
  expect_error(bmass(Z, unname(n)[1:7], V), "`n`", class = "mnmash_error_dimension")
  table <- as.data.frame(fit)
  expect_identical(dim(table), c(60L, 5L))
  expect_equal(rowSums(table[c("unassociated", "direct", "indirect")]), rep(1, 60),
               ignore_attr = TRUE)
  row <- table[table$unit == "rs2" & table$condition == "hdl", ]
  expect_equal(row$indirect, fit$marginal["rs2", "hdl", "I"])
  counts <- summary(fit, threshold = 0.9)$counts
  expect_equal(counts["ldl", "direct"], sum(fit$marginal[, "ldl", "D"] >= 0.9))
  expect_output(print(summary(fit)), "20 units")
})

test_that("checks of statistics match variables by name", {
  set.seed(6)
  X <- matrix(rnorm(3000), 200, dimnames = list(NULL, paste0("rs", 1:15)))
  for (j in 2:15) X[, j] <- 0.9 * X[, j - 1] + sqrt(0.19) * X[, j]
  Y <- cbind(a = 0.5 * X[, 6], b = 0) + matrix(rnorm(400), 200)
  s <- univariate_sumstats(X, Y)
  Z <- s$Bhat / s$Shat
  LD <- cor(X)
  found <- qc_sumstats(Z, LD, c(a = 200, b = 150))
  order <- sample(15)
  larger <- rbind(cbind(LD, more = 0), more = c(rep(0, 15), 1))[c(16, order), c(16, order)]
  other <- suppressMessages(qc_sumstats(Z, larger, c(b = 150, a = 200)))
  expect_equal(other$variables, found$variables, tolerance = 1e-8)
  expect_equal(other$LD, found$LD, tolerance = 1e-12)
  turned <- qc_sumstats(z = Z[order, 2:1], LD = LD, n = c(a = 200, b = 150))
  key <- \(x) paste(x$predictor, x$condition)
  at <- match(key(found$variables), key(turned$variables))
  expect_equal(turned$variables$expected[at], found$variables$expected, tolerance = 1e-6)
  expect_identical(as.data.frame(found), found$variables)
  expect_equal(summary(found)$outliers, c(
    sum(found$variables$outlier[1:15]), sum(found$variables$outlier[16:30])
  ))
  expect_error(qc_sumstats(Z, LD[-2, -2], 200), "rs2", class = "mnmash_error_names")
})
