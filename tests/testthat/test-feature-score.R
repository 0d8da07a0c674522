score_case <- function() {
  found <- data.frame(
    mean_contrast_a_deviation = c(1, -2, 0.5, 0, 3), mean_contrast_a_vs_b = c(2, -1, 1, 0, NA),
    se_contrast_a_deviation = c(0.5, 0.4, 0.6, 0, 1), se_contrast_a_vs_b = c(0.5, 0.5, 0.5, 0, NA),
    p_contrast_a_deviation = c(1e-6, 1e-7, 0.4, 1, 0.01),
    p_contrast_a_vs_b = c(1e-6, 0.05, 0.05, 1, NA),
    lfsr_contrast_a_deviation = c(0, 0, 0.2, 1, 0.02),
    lfsr_contrast_a_vs_b = c(0, 0.03, 0.2, 1, NA),
    row.names = paste0("v", 1:5)
  )
  structure(found, class = c("posterior_contrast", "data.frame"))
}
gene <- c("g", "g", "g", "h", "h")

test_that("meta and pval_pair are meta-analyses of absolute contrasts by gene", {
  found <- feature_score(score_case(), gene, "meta")
  expect_named(found, c("gene", "condition", "contrast", "score", "scoreType"))
  expect_identical(found$gene, c("g", "h"))
  expect_identical(unique(found[c("condition", "contrast", "scoreType")]), data.frame(
    condition = "a", contrast = "deviation", scoreType = "meta"
  ))
  expect_equal(found$score, c(random_effects(c(1, 2, 0.5), c(0.5, 0.4, 0.6))$z, 3))
  signed <- feature_score(score_case(), gene, "meta", meta_method = "DL", absolute = FALSE)
  expect_equal(signed$score[1], random_effects(c(1, -2, 0.5), c(0.5, 0.4, 0.6), "DL")$z)
  pairs <- feature_score(score_case(), gene, "pval_pair")
  # Equal errors: the mean of 2, 1, 1 and its variance, by hand. Nothing is left of h.
  expect_equal(pairs$score[1], 2 * pnorm(-(4 / 3) / sqrt(max(1 / 3, 0.25) / 3)))
  expect_identical(pairs$score[2], NA_real_)
  expect_identical(pairs$condition, c("a_vs_b", "a_vs_b"))
})

test_that("nsig is the share of significant units among those that have the contrast", {
  found <- feature_score(score_case(), gene, "nsig")
  expect_identical(found$condition, c("a", "a", "a_vs_b", "a_vs_b"))
  expect_identical(found$contrast, rep(c("deviation", "pairwise"), each = 2))
  expect_equal(found$score, c(2 / 3, 0, 1 / 3, 0))
  found <- feature_score(score_case(), gene, "nsig", p_cutoff = 0.05, by = "lfsr")
  expect_equal(found$score, c(2 / 3, 1 / 2, 2 / 3, 0))
})

test_that("finemap takes the lead variant of each credible set", {
  fine <- data.frame(
    variants = c("v1", "v2", "v3", "v4", "zz"), cs_order = c(1, 1, 2, 0, 1),
    pip = c(0.3, 0.6, 0.9, 0.99, 1)
  )
  found <- feature_score(score_case(), gene, "finemap", fine_mapping = fine)
  expect_identical(found$gene, c("g", "g"))
  expect_identical(found$condition, c("a", "b"))
  expect_equal(found$score, c(2, 2)) # v2 leads the first set with 1 / 0.5, v3 the second
  fine$pip[1] <- 0.7
  found <- feature_score(score_case(), method = "finemap", fine_mapping = fine, conditions = "b")
  expect_equal(found$score, 4)
  expect_identical(found$condition, "b")
  expect_error(
    feature_score(score_case(), gene, "finemap", fine_mapping = fine[1:2]), "no `pip`",
    class = "mnmash_error_argument"
  )
  fine$cs_order <- NA
  expect_error(feature_score(score_case(), gene, "finemap", fine_mapping = fine), "no variant")
})

test_that("the score of a condition is about differences from it", {
  z <- cbind(a_vs_b = c(1, 5), a_vs_c = c(2, 1), b_vs_c = c(3, 4))
  frame <- as.data.frame(cbind(z, z * 0 + 1, z * 0 + 0.5, z * 0 + 0.5))
  names(frame) <- paste0(rep(c("mean", "se", "p", "lfsr"), each = 3), "_contrast_", colnames(z))
  rownames(frame) <- c("g_v1", "g_v2")
  frame <- structure(frame, class = c("posterior_contrast", "data.frame"))
  fine <- data.frame(variants = c("v1", "v2"), cs_order = 1:2, pip = 1, feature = "g")
  found <- feature_score(frame, c("g", "g"), "finemap", fine_mapping = fine)
  expect_identical(found$condition, c("a", "b", "c"))
  expect_equal(found$score, c(5, 5, 4))
  # Units of other features with the same variants are not mixed up.
  two <- feature_score(
    frame, c("g", "h"), "finemap", unit = c("v1", "v1"),
    fine_mapping = data.frame(variants = "v1", cs_order = 1, pip = 1, feature = c("g", "h"))
  )
  expect_identical(two$gene, c("g", "h", "g", "h", "g", "h"))
  expect_equal(two$score, c(2, 5, 3, 5, 3, 4))
})

test_that("conditions: their deviations, and the differences they take part in", {
  found <- feature_score(score_case(), gene, "nsig", conditions = "b")
  expect_identical(unique(found$condition), "a_vs_b")
  found <- feature_score(score_case(), gene, "nsig", conditions = "a")
  expect_identical(unique(found$condition), c("a", "a_vs_b"))
  expect_error(feature_score(score_case(), gene, "nsig", conditions = "x"),
    "`conditions`.*\\(a, b\\): \"x\" is none", class = "mnmash_error_argument")
  expect_error(feature_score(score_case(), gene, "meta", conditions = "b"), "no deviations")
})

test_that("scores use units that are nearly independent, by genotypes", {
  set.seed(1)
  X <- matrix(rbinom(300 * 4, 2, 0.4), 300, dimnames = list(NULL, paste0("v", 1:4)))
  X[, "v2"] <- X[, "v1"]
  # v1 and v2 are one; v5 has no genotype.
  pruned <- suppressMessages(feature_score(score_case(), gene, "meta", genotype = X))
  direct <- feature_score(score_case()[c(1, 3, 4), ], gene[c(1, 3, 4)], "meta")
  expect_equal(pruned, direct)
  expect_message(
    feature_score(score_case(), gene, "nsig", genotype = X), "1 of 5 units.*no genotype"
  )
  blocks <- genotype_blocks(4, \(columns) X[, columns, drop = FALSE], size = 3)
  expect_equal(
    suppressMessages(feature_score(score_case(), gene, "meta", genotype = blocks)), direct
  )
  # With the feature's name in front; alike units of different features both stay.
  named <- suppressMessages(feature_score(
    score_case(), c("g", "h", "g", "h", "h"), "nsig", genotype = X,
    unit = c("g_v1", "h_v2", "g_v3", "h_v4", "h_v5")
  ))
  expect_equal(named$score, c(1 / 2, 1 / 2, 1 / 2, 0))
  colnames(X) <- paste0("w", 1:4)
  expect_error(feature_score(score_case(), gene, "meta", genotype = X),
    "`genotype` has none of the variants, such as \"v1\"", class = "mnmash_error_names")
})

test_that("scores of a region", {
  units <- paste0("chr", c(1, 1, 1, 2, 2), ":", c(5, 20, 30, 5, 20), ":A:G")
  found <- feature_score(score_case(), gene, "nsig", unit = units, region = "chr1:1-20")
  expect_equal(found$score, c(1, NA, 1 / 2, NA))
  expect_error(feature_score(score_case(), gene, "nsig", region = "chr1"), "chromosome:from-to")
  expect_error(feature_score(score_case(), gene, "nsig", region = "1:1-9"), "such as \"v1\"")
})

test_that("the level of significance goes with what is compared", {
  expect_identical(significance(NULL, "p", "x"), 1e-5)
  expect_identical(significance(NULL, "lfsr", "x"), 0.05)
  expect_equal(
    feature_score(score_case(), gene, "nsig", by = "lfsr"),
    feature_score(score_case(), gene, "nsig", by = "lfsr", p_cutoff = 0.05)
  )
  expect_equal(unlist(summary(score_case(), by = "p")["n_sig_snp", ]),
    c(a_deviation = 2, a_vs_b = 1))
})

test_that("bad arguments are named", {
  expect_error(feature_score(score_case(), gene[1:2]), "`feature`", class = "mnmash_error")
  expect_error(feature_score(data.frame(x = 1), "g"), "`contrast`", class = "mnmash_error_type")
  expect_error(feature_score(score_case(), gene, "best"), "`method`", class = "mnmash_error")
})
