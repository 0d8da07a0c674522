# What an object is, for messages about one that was given where another was wanted.

what_it_is <- function(x) {
  has <- \(...) is.list(x) && any(c(...) %in% names(x))
  if (has("strong.b", "random.b", "null.b", "strong.z", "random.z")) return("is a mash input")
  if (inherits(x, "mash") || has("fitted_g", "mash_model")) return("is a fit of mash")
  if (inherits(x, "mnmash_prior") || (has("U") && has("w"))) return("is a prior")
  if (has("PosteriorMean")) return("holds posteriors")
  if (is.data.frame(x) && any(startsWith(names(x), "mean_contrast_"))) return("holds contrasts")
  if (has(effect_names) && has(error_names)) return("holds effects and standard errors")
  if (is.matrix(x) && nrow(x) == ncol(x)) return("is a square matrix")
  if (is.list(x) && length(x) && all(vapply(x, is.matrix, NA))) return("is a list of matrices")
  paste("is of class", class(x)[1L])
}

# A mash input is a list of matrices too, and may be taken for a prior.
refuse_input <- function(prior, name) {
  if (what_it_is(prior) == "is a mash input") {
    stop_mnmash("type", as_typed(name), " is a mash input, not a prior")
  }
}
