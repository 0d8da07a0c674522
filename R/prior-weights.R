# The weights of a prior in the layout of mash(): of the null, of matrices times scales, and of a
# product.

n_components <- function(g) g$usepointmass + length(g$Ulist) * length(g$grid)

# The weights of all components, the product's last: how many, and what they are called.
n_weights <- function(g) n_components(g) + !is.null(g$product)

weight_names <- function(g) {
  c(component_names(g$Ulist, g$grid, g$usepointmass), if (!is.null(g$product)) "product")
}

# `g` with these.
with_weights <- function(g, pi) {
  P <- n_components(g)
  if (!is.null(g$product)) g$product$weight <- pi[[P + 1L]]
  g$pi <- pi[seq_len(P)]
  g
}

check_weights <- function(pi, P, name, total = 1) {
  if (!is.numeric(pi) || length(pi) != P) {
    stop_mnmash(
      "dimension", as_typed(name), " must have ", P, " weights, one for each component, not ",
      length(pi)
    )
  }
  bad <- which(!is.finite(pi) | pi < 0)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed(name), " must not be negative: weight ", bad[1L], " is ", pi[bad[1L]]
    )
  }
  if (abs(sum(pi) - total) > 1e-4) {
    stop_mnmash(
      "value", as_typed(name), " must sum to ", format(total), ", not ", format(sum(pi))
    )
  }
}
