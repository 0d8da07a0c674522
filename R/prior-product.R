# The part of a prior in which effects are independent between conditions: see R/mash-product.R.

# A product in a prior of these conditions, checked; `name` is the prior's.
check_product <- function(product, R, name, conditions = NULL) {
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
  within <- paste0(name, "$product")
  check_grid_with_zero(product$grid, paste0(within, "$grid"))
  for (r in seq_len(R)) {
    check_weights(product$pi[, r], length(product$grid), paste0(within, "$pi[, ", r, "]"))
  }
  product$pi <- align_columns(product$pi, conditions, R, paste0(within, "$pi"), "condition")
  product
}

check_grid_with_zero <- function(grid, name) {
  bad <- which(!is.finite(grid) | grid < 0)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed(name), " must hold scales, not negative: element ", bad[1L], " is ",
      grid[bad[1L]]
    )
  }
}

# A prior whose weights sum to one, beside a product.
beside_product <- function(prior, product) {
  if (is.null(product)) return(prior)
  prior$w <- prior$w * (1 - product$weight)
  prior$null_weight <- prior$null_weight * (1 - product$weight)
  prior$product <- product
  prior
}

# The product of some conditions, in an order: effects are independent.
product_margin <- function(product, at) {
  if (!is.null(product)) product$pi <- product$pi[, at, drop = FALSE]
  product
}

# The variances of effects under a product.
product_variances <- function(product) drop(product$grid^2 %*% product$pi)

# What a model takes that knows normals only: normals in place of a product, with a message that
# says what they are. Of units under the product, those without effects are the null; those with an
# effect in one condition are that condition's slabs; both are exact. The others get independent
# effects in all conditions, of two sizes, with the variances (for each condition) and the fourth
# moments (in the mean over conditions) that effects of such units have.
normals_only <- function(prior, name) {
  product <- prior$product
  if (is.null(product)) return(prior)
  prior$product <- NULL
  found <- normals_of_product(product, colnames(prior$U[[1L]]))
  prior$U <- c(prior$U, found$U)
  prior$w <- c(prior$w, product$weight * found$w)
  prior$null_weight <- prior$null_weight + product$weight * found$null
  percent <- \(x) paste0(format(100 * x, digits = 2), "%")
  tell_once(
    as_typed(name), " has a component of effects that are independent between conditions ",
    "(`product`, weight ", format(product$weight, digits = 2), "), in whose place normals are ",
    "used: exact for the ", percent(found$null + found$lone), " of its units with effects in no ",
    "condition or one, of the same variances for the ", percent(found$several),
    " with effects in several", class = "mnmash_message_product"
  )
  prior
}

# list(U, w, null, lone, several): matrices and weights, which with `null` sum to 1, and the parts
# of units by in how many conditions they have effects.
normals_of_product <- function(product, conditions) {
  R <- ncol(product$pi)
  variances <- product$grid^2
  slab <- variances > 0
  zero <- colSums(product$pi[!slab, , drop = FALSE])
  others <- vapply(seq_len(R), \(r) prod(zero[-r]), 0)
  lone <- t(product$pi[slab, , drop = FALSE]) * others
  null <- prod(zero)
  several <- max(1 - null - sum(lone), 0)
  labels <- labels_or_numbers(conditions, R)
  U <- list()
  w <- numeric()
  used <- which(lone > 1e-10, arr.ind = TRUE)
  for (k in seq_len(nrow(used))) {
    at <- used[k, ]
    label <- paste0("lone_", labels[at[1L]], ".", at[2L])
    U[[label]] <- diag(variances[slab][at[2L]] * (seq_len(R) == at[1L]), R)
    w[label] <- lone[used[k, , drop = FALSE]]
  }
  if (several > 1e-10) {
    moment <- \(power) {
      all <- product$pi[slab, , drop = FALSE] - t(lone)
      drop(variances[slab]^power %*% all) / several
    }
    second <- moment(1)
    has <- second > 0
    excess <- max(mean((moment(2) / second^2)[has]) - 1, 0)
    share <- 0.5 / (excess + 1)
    size <- 1 + c(-1, 1) * sqrt(excess * c(share / (1 - share), (1 - share) / share))
    U[c("several.1", "several.2")] <- lapply(size, \(s) diag(s * second, R))
    w[c("several.1", "several.2")] <- several * c(1 - share, share)
  }
  if (!is.null(conditions)) U <- lapply(U, `dimnames<-`, list(conditions, conditions))
  list(U = U, w = w, null = 1 - sum(w), lone = sum(lone), several = several)
}
