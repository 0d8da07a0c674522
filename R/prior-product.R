# The part of a prior in which effects are independent between conditions: see R/mash-product.R.

# A product in a prior, checked; `name` is the prior's.
check_product <- function(product, R, name) {
  ours <- is.list(product) && one_number(product$weight) && is.numeric(product$grid) &&
    is.matrix(product$pi) && is.numeric(product$pi)
  if (!ours || product$weight < 0 || product$weight > 1 ||
        !identical(dim(product$pi), c(length(product$grid), as.integer(R)))) {
    stop_mnmash(
      "type", as_typed(paste0(name, "$product")), " must be a list of `weight`, `grid` and `pi`, ",
      "with a row for each element of the grid and a column for each condition, as learn_prior() ",
      "makes it"
    )
  }
  product
}

refuse_product <- function(name) {
  stop_mnmash(
    "unsupported", as_typed(name), " has a component of effects that are independent between ",
    "conditions (`product`), which this function, or this output, does not know: learn a prior ",
    "without it, by learn_prior(..., product = FALSE)"
  )
}
