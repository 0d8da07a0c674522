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
  expect_identical(found$gene, "g")
  expect_equal(found$score, 2) # v2 leads the first set with 1 / 0.5, v3 the second
  fine$pip[1] <- 0.7
  expect_equal(feature_score(score_case(), method = "finemap", fine_mapping = fine)$score, 4)
  expect_error(
    feature_score(score_case(), gene, "finemap", fine_mapping = fine[1:2]), "no `pip`",
    class = "mnmash_error_argument"
  )
  fine$cs_order <- NA
  expect_error(feature_score(score_case(), gene, "finemap", fine_mapping = fine), "no variant")
})

test_that("bad arguments are named", {
  expect_error(feature_score(score_case(), gene[1:2]), "`feature`", class = "mnmash_error")
  expect_error(feature_score(data.frame(x = 1), "g"), "`contrast`", class = "mnmash_error_type")
  expect_error(feature_score(score_case(), gene, "best"), "`method`", class = "mnmash_error")
})
