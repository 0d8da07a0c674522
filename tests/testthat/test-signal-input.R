# Deconvolved effects of a region, as far as their rows are picked by them.
deconvolved <- function(z, conditions, s = 0.5, r = 0) {
  dimnames(z) <- list(paste0("rs", seq_len(nrow(z))), conditions)
  V <- matrix(r, ncol(z), ncol(z), dimnames = list(conditions, conditions))
  diag(V) <- 1
  structure(
    list(Bhat = s * z, Shat = 0 * z + s, V = V, method = "mr_ash"), class = "deconvolved"
  )
}

test_that("strong rows are the largest of each condition, and named by their region", {
  set.seed(1)
  conditions <- c("liver", "lung", "skin")
  fits <- lapply(c(g1 = 1, g2 = 2, g3 = 3), \(i) deconvolved(matrix(2 * rnorm(60), 20), conditions))
  fits$g1$Bhat["rs7", ] <- c(5, 4, 6)
  fits$g2$Bhat[4, ] <- NA # without variation
  fits$g2$Shat[4, ] <- NA
  found <- signal_input(fits, z_thresh = 4, n_random = 5, n_null = 3)
  slow <- character()
  for (g in names(fits)) {
    z <- abs(fits[[g]]$Bhat / fits[[g]]$Shat)
    for (r in 1:3) {
      top <- which(z[, r] == max(z[, r], na.rm = TRUE))
      if (max(z[top, ]) > 4) slow <- c(slow, paste0(g, ":rs", top))
    }
  }
  expect_gt(length(slow), length(unique(slow)))
  expect_setequal(rownames(found$strong.b), slow)
  expect_false(anyDuplicated(rownames(found$strong.b)) > 0)
  one <- rownames(found$strong.b)[1]
  expect_equal(
    found$strong.b[one, ], fits[[sub(":.*", "", one)]]$Bhat[sub(".*:", "", one), ]
  )
  expect_equal(found$random.z, found$random.b / found$random.s)
  expect_equal(attr(found, "counts"), c(
    regions = 3, predictors = 59, strong = length(unique(slow)), random = 15,
    null = nrow(found$null.b)
  ))
  expect_lt(max(abs(found$null.z)), 2)
  expect_false("g2:rs4" %in% unlist(lapply(found, rownames)))
})

test_that("conditions are matched by name, and are missing where a region lacks them", {
  set.seed(2)
  z <- matrix(3 * rnorm(60), 20)
  all <- deconvolved(z, c("a", "b", "c"))
  some <- deconvolved(z[, c(3, 1)], c("c", "a"))
  found <- signal_input(list(all = all, some = some, failed = NULL), n_random = 20)
  expect_identical(colnames(found$random.b), c("a", "b", "c"))
  rows <- startsWith(rownames(found$random.b), "some:")
  expect_true(all(is.na(found$random.b[rows, "b"])) && sum(rows) == 20)
  expect_equal(
    unname(found$random.b[rows, c("a", "c")]), unname(found$random.b[!rows, c("a", "c")])
  )
  # The region that lacks b has no signal of b.
  only_b <- setdiff(apply(abs(z), 2, which.max)[2], apply(abs(z[, -2]), 2, which.max))
  expect_false(paste0("some:rs", only_b) %in% rownames(found$strong.b))
  alone <- signal_input(all, n_random = 20)
  expect_setequal(rownames(alone$random.b), paste0("rs", 1:20))
})

test_that("V is the mean of those of the regressions, and a prior is learnt with it", {
  set.seed(5)
  z <- matrix(3 * rnorm(180), 60)
  fits <- list(
    g1 = deconvolved(z, c("a", "b", "c"), r = 0.2), g2 = deconvolved(-z, c("c", "b", "a"), r = 0.4),
    g3 = deconvolved(2 * z[, 1:2], c("a", "b"), r = 0.6)
  )
  input <- signal_input(fits)
  expected <- matrix(0.3, 3, 3, dimnames = list(c("a", "b", "c"), c("a", "b", "c")))
  expected["a", "b"] <- expected["b", "a"] <- 0.4
  diag(expected) <- 1
  expect_equal(input$V, expected)
  prior <- suppressWarnings(mixture_prior(input, verbose = FALSE, n_threads = 1))
  expect_equal(prior$V, expected)
  expect_identical(prior$settings$V, "given")
  # What is asked for goes first.
  own <- suppressWarnings(mixture_prior(input, V = diag(3), verbose = FALSE, n_threads = 1))
  expect_equal(unname(own$V), diag(3))
  # Half of the regions each.
  halves <- bind_mash_input(list(signal_input(fits["g1"]), signal_input(fits["g2"])))
  expect_equal(halves$V["a", "c"], 0.3)
  input$V <- input$V[-1, -1]
  expect_error(mixture_prior(input, verbose = FALSE), "data$V", fixed = TRUE,
               class = "mnmash_error_names")
})

test_that("what is no deconvolved effect, or has no names, is refused", {
  set.seed(3)
  d <- deconvolved(matrix(rnorm(20), 10), c("a", "b"))
  expect_error(
    signal_input(list(g1 = d, g2 = d$Bhat)), "\"g2\" is not", class = "mnmash_error_type"
  )
  expect_error(signal_input(list(d, d)), "must have names", class = "mnmash_error_names")
  expect_error(signal_input(list(g1 = d)), "no predictor with |z| > 4", fixed = TRUE,
               class = "mnmash_error_too_few")
  colnames(d$Bhat) <- NULL
  expect_error(
    signal_input(list(g1 = d)), "no names in region \"g1\"", class = "mnmash_error_names"
  )
})

test_that("two effects of one sign in negative linkage look opposite, but not in the input", {
  set.seed(4)
  conditions <- c("a", "b", "c", "d")
  genes <- lapply(stats::setNames(1:12, paste0("gene", 1:12)), \(i) {
    X <- matrix(rnorm(300 * 12), 300)
    X[, 8] <- -0.7 * X[, 3] + sqrt(1 - 0.7^2) * X[, 8]
    colnames(X) <- paste0("rs", 1:12)
    Y <- 0.5 * X[, 3] %o% c(1, 1, 0, 0) + 0.5 * X[, 8] %o% c(0, 0, 1, 1) + rnorm(1200)
    list(X = X, Y = `colnames<-`(Y, conditions))
  })
  effects <- each_region(genes, \(gene) deconvolve(gene$X, gene$Y, n_threads = 1))
  input <- signal_input(effects)
  opposite <- \(b, z) mean(b[, 1] * b[, 3] < 0 & abs(z[, 1]) > 4 & abs(z[, 3]) > 4)
  marginal <- lapply(genes, \(gene) univariate_sumstats(gene$X, gene$Y))
  tops <- do.call(rbind, lapply(marginal, \(s) {
    z <- s$Bhat / s$Shat
    z[unique(apply(abs(z), 2, which.max)), ]
  }))
  expect_gt(opposite(tops, tops), 0.8)
  expect_lt(opposite(input$strong.b, input$strong.z), 0.1)

  # The whole route: each set has the conditions of its variant.
  quiet <- \(expr) suppressWarnings(suppressMessages(expr), classes = "mnmash_warning_few")
  prior <- quiet(mixture_prior(input, verbose = FALSE, n_threads = 1))
  signals <- quiet(mash_fit(input, prior, verbose = FALSE, n_threads = 1))
  expect_identical(rownames(signals$posterior$lfsr), rownames(input$strong.b))
  fit <- finemap(finemap_data(genes$gene1$X, genes$gene1$Y), prior, V = diag(4), n_threads = 1)
  sets <- lapply(credible_sets(fit), \(s) names(s$variables))
  expect_setequal(unlist(sets), c("rs3", "rs8"))
  expect_identical(unname(fit$coef["rs3", ] > 0.2), c(TRUE, TRUE, FALSE, FALSE))
  expect_identical(unname(fit$coef["rs8", ] > 0.2), c(FALSE, FALSE, TRUE, TRUE))
})

test_that("fine-mapped effects give a row for each credible set, without the other effects", {
  set.seed(4)
  V <- matrix(0.3, 3, 3) + diag(0.7, 3)
  gene <- function(seed) {
    X <- matrix(rnorm(300 * 20), 300, dimnames = list(NULL, paste0("rs", 1:20)))
    B <- matrix(0, 20, 3)
    B[4, ] <- 0.8
    B[9, 1:2] <- -0.6
    Y <- X %*% B + matrix(rnorm(900), 300) %*% chol(V)
    colnames(Y) <- c("liver", "lung", "skin")
    list(X = X, Y = Y)
  }
  genes <- lapply(c(g1 = 1, g2 = 2), gene)
  prior <- list(all = matrix(1, 3, 3), each = diag(3), two = diag(c(1, 1, 0)))
  fits <- lapply(genes, \(g) finemap(finemap_data(g$X, g$Y), prior, V = V))
  found <- signal_input(fits)
  expect_setequal(rownames(found$strong.b), outer(c("g1", "g2"), c("rs4", "rs9"), paste, sep = ":"))
  # Regression on the two variants, by hand.
  joint <- lm(Y ~ X[, c("rs4", "rs9")], genes$g1)
  expect_equal(
    found$strong.b["g1:rs9", ], coef(joint)[3, ], tolerance = 0.02, ignore_attr = TRUE
  )
  expect_equal(
    mean(found$strong.s["g1:rs9", ]), summary(joint)[[1]]$coefficients[3, 2], tolerance = 0.1
  )
  expect_identical(nrow(found$random.b), 0L)
  expect_equal(unname(found$V), V)
  expect_identical(attr(found, "counts")[["regions"]], 2L)
  # What has no set is left out; a region alone; what does not apply.
  fits["g3"] <- list(NULL)
  set.seed(5)
  none <- matrix(rnorm(900), 300, dimnames = list(NULL, colnames(genes$g1$Y)))
  fits$g4 <- finemap(finemap_data(genes$g1$X, none), prior, V = V)
  expect_length(fits$g4$sets, 0)
  expect_identical(signal_input(fits)$strong.b, found$strong.b)
  expect_identical(nrow(signal_input(fits$g1)$strong.b), 2L)
  expect_error(signal_input(fits, n_random = 3), "n_random", class = "mnmash_error_argument")
  expect_error(signal_input(fits, z_thresh = 1e3), "credible set", class = "mnmash_error_too_few")
  prior <- suppressWarnings(mixture_prior(found, verbose = FALSE))
  expect_s3_class(prior, "mnmash_prior")
})
