test_that("no word means two things: it stands in one row, or heads the other", {
  others <- unlist(synonyms)
  expect_identical(anyDuplicated(others), 0L)
  for (word in intersect(others, names(synonyms))) {
    # Z is z-scores where there is an argument Z, else covariates: a function has one of them.
    expect_identical(word, "Z")
  }
})

test_that("exported functions have the new word, but for those of other packages", {
  # Functions that another package has too keep its words.
  peers <- c(
    "bmass", "contrast_matrix", "cov_ed", "extreme_deconvolution", "get_n_significant_conditions",
    "get_pairwise_sharing", "get_pairwise_sharing_from_samples", "get_significant_results", "mash",
    "mash_compute_posterior_matrices", "varbvs"
  )
  old <- setdiff(unlist(synonyms), "Z")
  found <- lapply(setdiff(getNamespaceExports("mnmash"), peers), \(name) {
    words <- intersect(names(formals(getExportedValue("mnmash", name))), old)
    if (length(words)) paste(name, words)
  })
  expect_identical(sort(as.character(unlist(found))), sort(known_failures("words")))
})
