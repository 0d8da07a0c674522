# Cross-fitting: of each part of the units, the prior that the other parts teach.

# For data in blocks, list(fold = the part of each unit, by name; priors = of each part). Blocks are
# dealt out by chance, in the order of the names of their units. `learn` learns a prior from the
# rows that it is given, as a logical vector.
held_out_priors <- function(data, blocks, folds, seed, learn) {
  by_name <- order_by_name(data)
  first <- unique(blocks[by_name])
  if (folds > length(first)) {
    stop_mnmash(
      "argument", "`folds` must be at most the number of blocks of units, ", length(first),
      ", not ", folds
    )
  }
  part <- with_seed(seed, sample(rep_len(seq_len(folds), length(first))))
  fold <- stats::setNames(part[match(blocks, first)], rownames(data$Bhat))
  # What is to be said of the units is said where all are learnt from.
  priors <- lapply(seq_len(folds), \(f) {
    suppressWarnings(learn(fold != f), classes = "mnmash_warning")
  })
  list(fold = fold, priors = priors)
}
