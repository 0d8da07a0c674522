# Checks of covariances, the one place for all of them: dimensions, symmetry, definiteness, and the
# names of what they are of.

# How far from symmetric (relative to the largest element) and how negative an eigenvalue (relative
# to the largest element) is put down to rounding; and the smallest pivot of a positive definite
# matrix, relative to its variance.
covariance_tolerance <- list(asymmetry = 1e-8, negative = 1e-8, pivot = 1e-14)

# V as a plain matrix of R x R, or (where `J` is given) R x R x J numbers: finite, symmetric, and
# positive definite, or with `definite = FALSE` positive semi-definite, up to rounding. Where V and
# `conditions` have names, V is put in their order and reduced to them; `to` is what they are of.
check_covariance <- function(V, R, name = arg_name(V), definite = TRUE, conditions = NULL,
                             J = NULL, kind = "condition", to = "the data") {
  force(name)
  V <- plain_matrix(V, name)
  if (R == 1L && is.null(dim(V)) && length(V) == 1L) V <- matrix(V)
  if (!is.numeric(V)) stop_mnmash("type", as_typed(name), " must be numeric, not ", class(V)[1L])
  common <- length(dim(V)) == 2L
  if (!common && (is.null(J) || length(dim(V)) != 3L) || dim(V)[1L] != dim(V)[2L]) {
    stop_shape(V, R, J, name)
  }
  own <- square_names(V, name, kind)
  if (is.null(own) || is.null(conditions)) {
    if (dim(V)[1L] != R) stop_shape(V, R, J, name)
  } else {
    V <- align_square(V, conditions, R, name, kind, to = to)
  }
  if (!common && dim(V)[3L] != J) stop_shape(V, R, J, name)
  if (!is.double(V)) storage.mode(V) <- "double"
  bad <- which(!is.finite(V))
  if (length(bad)) {
    where <- slice_of(bad[1L], R, common)
    stop_mnmash("not_finite", as_typed(name), " must be finite: it is ", V[bad[1L]], where)
  }
  check_symmetric(V, R, common, name)
  check_definite(V, R, common, name, definite, kind)
  V
}

# The residual correlation of J units in R conditions.
check_residual_correlation <- function(V, J, R, conditions = NULL, name = "V") {
  check_covariance(V, R, name, conditions = conditions, J = J)
}

stop_shape <- function(V, R, J, name) {
  stop_mnmash(
    "dimension", as_typed(name), " must be ", R, " x ", R,
    if (!is.null(J)) paste0(", or ", R, " x ", R, " x ", J, " when it differs by unit"), ", not ",
    describe_dim(V)
  )
}

# " in slice 4" for a position in an array, nothing for a common V.
slice_of <- function(position, R, common) {
  if (common) "" else paste0(" in slice ", (position - 1) %/% (R * R) + 1)
}

check_symmetric <- function(V, R, common, name) {
  transposed <- if (common) t(V) else aperm(V, c(2L, 1L, 3L))
  bad <- which(abs(V - transposed) > covariance_tolerance$asymmetry * max(abs(V)))
  if (length(bad)) {
    at <- (bad[1L] - 1) %% (R * R)
    stop_mnmash(
      "asymmetric", as_typed(name), " must be symmetric: its elements (", at %% R + 1, ", ",
      at %/% R + 1, ") and (", at %/% R + 1, ", ", at %% R + 1, ") differ",
      slice_of(bad[1L], R, common)
    )
  }
}

check_definite <- function(V, R, common, name, definite, kind) {
  if (!definite) {
    smallest <- min(eigen(V, symmetric = TRUE, only.values = TRUE)$values)
    if (smallest >= -covariance_tolerance$negative * max(abs(V), 1)) return(invisible())
    singular <- 1L
  } else {
    singular <- if (common) first_singular(array(V, c(R, R, 1L))) else first_singular(V)
    if (!singular) return(invisible())
    slice <- if (common) V else matrix(V[, , singular], R)
    smallest <- min(eigen(slice, symmetric = TRUE, only.values = TRUE)$values)
  }
  slice <- if (common) V else `dimnames<-`(matrix(V[, , singular], R), dimnames(V)[1:2])
  stop_mnmash(
    "not_psd", as_typed(name), " must be positive ", if (!definite) "semi-",
    "definite: its smallest ",
    "eigenvalue", if (!common) paste0(" in slice ", singular), " is ",
    format(smallest, digits = 4), singular_pair(slice, kind),
    if (definite && kind == "condition") {
      "; leave one of them out, or repair it, as residual_correlation() does"
    }
  )
}

# Which two make a covariance singular, if it is two.
singular_pair <- function(V, kind) {
  sd <- sqrt(pmax(diag(V), 0))
  zero <- which(sd == 0)
  if (length(zero)) {
    return(paste0("; ", describe_index(kind, zero[1L], rownames(V)), " has no variance"))
  }
  C <- abs(V / tcrossprod(sd))
  diag(C) <- 0
  if (max(C) < 1 - 1e-7) return("")
  at <- sort(arrayInd(which.max(C), dim(C)))
  paste0(
    "; ", describe_index(kind, at[1L], rownames(V)), " and ",
    describe_index(kind, at[2L], rownames(V)), " have the correlation ",
    format(V[at[1L], at[2L]] / prod(sd[at]), digits = 4)
  )
}

# Refuses columns that have no covariance of full rank: copies, combinations, more than there are
# rows. Where values are missing nothing is known of that. `remedy` is what else there is to do.
check_full_rank <- function(x, name, kind, remedy, centre = TRUE, rows = "samples") {
  if (anyNA(x) || ncol(x) < 2L) return(invisible(x))
  free <- nrow(x) - centre
  V <- crossprod(if (centre) x - rep(colMeans(x), each = nrow(x)) else x) / max(free, 1)
  sd <- sqrt(diag(V))
  pivots <- if (all(sd > 0)) tryCatch(diag(chol(V / tcrossprod(sd))), error = \(e) 0) else 0
  if (min(pivots)^2 > covariance_tolerance$pivot && free >= ncol(x)) return(invisible(x))
  dimnames(V) <- list(colnames(x), colnames(x))
  stop_mnmash(
    "not_psd", as_typed(name), ": the covariance of its ", ncol(x), " ", kind, "s in ", nrow(x),
    " ", rows, " is singular", singular_pair(V, kind), "; leave some out, or ", remedy
  )
}

# The first slice that is not positive definite, or 0. Cholesky's recursion on whole vectors of
# slices: a million small matrices need no loop over them.
first_singular <- function(V, block = 4096L) {
  J <- dim(V)[3L]
  for (start in seq(1L, J, by = block)) {
    slices <- start:min(J, start + block - 1L)
    bad <- which(!positive_definite(V[, , slices, drop = FALSE]))
    if (length(bad)) return(slices[bad[1L]])
  }
  0L
}

positive_definite <- function(V) {
  R <- dim(V)[1L]
  good <- rep(TRUE, dim(V)[3L])
  L <- vector("list", R * R)
  for (c in seq_len(R)) {
    for (r in c:R) {
      entry <- V[r, c, ]
      for (m in seq_len(c - 1L)) {
        entry <- entry - L[[r + R * (m - 1L)]] * L[[c + R * (m - 1L)]]
      }
      if (r == c) {
        good <- good & entry > covariance_tolerance$pivot * V[r, r, ]
        pivot <- sqrt(pmax(entry, .Machine$double.xmin))
        L[[r + R * (c - 1L)]] <- pivot
      } else {
        L[[r + R * (c - 1L)]] <- entry / pivot
      }
    }
  }
  good
}
