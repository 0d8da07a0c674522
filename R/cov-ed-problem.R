# What extreme deconvolution works on, in the forms the core takes.

# Effects with the noise of mash data.
ed_direct <- function(data) {
  list(
    kind = "direct", measurements = core_measurements(data), units = nrow(data$Bhat),
    effects = ncol(data$Bhat), names = colnames(data$Bhat), rows = rownames(data$Bhat),
    spread = mean(data$Bhat^2) + .Machine$double.eps, scale = data_units(data)
  )
}

# list(kind, measurements, units, effects, names, spread) from what a user gave to ed().
ed_problem <- function(x, noise, projection, name = "noise") {
  if (inherits(x, "mash")) {
    if (!is.null(noise)) stop_mnmash("argument", "`noise` is part of the data: do not give it")
    if (!is.null(projection)) {
      stop_mnmash("argument", "`projection` needs `x` to be a matrix")
    }
    return(ed_direct(x))
  }
  x <- as_numeric_matrix(x)
  check_finite(x)
  if (is.null(noise)) stop_mnmash("argument", as_typed(name), " is missing")
  J <- nrow(x)
  n <- ncol(x)
  map <- as_unit_matrices(projection, x, NULL, "projection")
  effects <- if (is.null(map)) n else attr(map, "columns")
  given <- if (is.list(noise) && !is.data.frame(noise) && !is.null(noise$s)) {
    check_scaled_noise(noise, x)
  } else {
    covariance_noise(as_unit_matrices(noise, x, n, name), J, n)
  }
  missing <- if (anyNA(x)) unname(is.na(x))
  spread <- mean(x^2, na.rm = TRUE) + .Machine$double.eps
  names <- if (is.null(projection)) colnames(x) else attr(map, "names_of_columns")
  direct <- is.null(map) && all(given$s > 0)
  measurements <- if (direct) {
    list(x = unname(x), s = given$s, missing = missing, V = given$V, baseline = NULL)
  } else {
    c(list(x = unname(x), map = map, effects = effects), covariances_of(given, J, n))
  }
  list(
    kind = if (direct) "direct" else "projected", measurements = measurements, units = J,
    effects = effects, names = names, rows = rownames(x), spread = spread
  )
}

# An n x m matrix, or n x m x J for a list or an array of matrices, for the J x n observations `x`:
# as plain numbers, in the order of their units and columns where both have names. `m` is n for
# covariances, whose columns are those of `x` too.
as_unit_matrices <- function(value, x, m, name) {
  if (is.null(value)) return(NULL)
  J <- nrow(x)
  n <- ncol(x)
  if (is.list(value) && !is.data.frame(value)) {
    value <- lapply(value, plain_matrix, name)
    if (!is.null(names(value)) && !is.null(rownames(x))) {
      value <- align_vector(value, rownames(x), J, name, "unit", to = "`x`", more = "refuse")
    }
    value <- lapply(value, align_observed, x, m, name)
    if (length(value) != J) {
      stop_mnmash("dimension", as_typed(name), " must hold ", J,
      " matrices, one for each unit, not ",
                  length(value))
    }
    first <- dim(as.matrix(value[[1L]]))
    bad <- which(!vapply(value, \(v) is.numeric(v) && identical(dim(as.matrix(v)), first), NA))
    if (length(bad)) {
      stop_mnmash("dimension", as_typed(name), ": element ", bad[1L], " is not a numeric ",
                  describe_dim(as.matrix(value[[1L]])), " matrix as the first is")
    }
    columns <- colnames(value[[1L]])
    value <- array(
      unlist(value, use.names = FALSE), c(first, J),
      if (!is.null(columns)) list(NULL, columns, NULL)
    )
  } else {
    value <- align_observed(plain_matrix(value, name), x, m, name)
  }
  if (!is.numeric(value)) {
    stop_mnmash("type", as_typed(name), " must be a numeric matrix, array or list of matrices")
  }
  if (is.null(dim(value))) value <- as.matrix(value)
  size <- dim(value)
  fits <- size[1L] == n && (is.null(m) || size[2L] == m) &&
    (length(size) == 2L || (length(size) == 3L && size[3L] == J))
  if (!fits) {
    stop_mnmash("dimension", as_typed(name), " must be ", n, " x ", if (is.null(m)) "R" else m,
                ", or that for each of the ", J, " units, not ", describe_dim(value))
  }
  if (!all(is.finite(value))) {
    stop_mnmash("not_finite", as_typed(name), " must be finite: element ",
                which(!is.finite(value))[1L], " is ", value[!is.finite(value)][1L])
  }
  structure(as_doubles(unname(value)), columns = size[2L], names_of_columns = dimnames(value)[[2L]])
}

# Rows (for covariances, and columns) in the order of the columns of `x`, slices in that of its
# rows.
align_observed <- function(value, x, m, name) {
  if (!length(dim(value)) %in% 2:3 || is.null(colnames(x)) && is.null(rownames(x))) return(value)
  at <- lapply(dim(value), seq_len)
  if (!is.null(dimnames(value)[[1L]]) && dim(value)[1L] >= ncol(x)) {
    own <- if (is.null(m)) dimnames(value)[[1L]] else square_names(value, name, "condition")
    at[[1L]] <- align_to(own, colnames(x), name, "condition", n_wanted = ncol(x), to = "`x`")
    if (!is.null(m)) at[[2L]] <- at[[1L]]
  }
  if (length(dim(value)) == 3L && !is.null(dimnames(value)[[3L]])) {
    at[[3L]] <- align_to(
      dimnames(value)[[3L]], rownames(x), name, "unit",
      n_wanted = nrow(x), to = "`x`", more = "refuse"
    )
  }
  do.call(`[`, c(list(value), at, drop = FALSE))
}

# list(s, V) as J x n standard errors and a correlation, or NULL.
check_scaled_noise <- function(noise, x) {
  s <- like_bhat(noise$s, x, "noise$s", "`x`")
  if (!all(is.na(s) | (is.finite(s) & s >= 0))) {
    bad <- which(!(is.na(s) | (is.finite(s) & s >= 0)))[1L]
    stop_mnmash("value", "`noise$s` must be standard errors: it is ", s[bad], " at ",
                describe_cell(s, bad))
  }
  s[is.na(s)] <- 1
  V <- as_unit_matrices(noise$V, x, ncol(x), "noise$V")
  list(s = unname(s), V = if (!is.null(V)) array(V, dim(V)))
}

# The same from covariances: they become standard errors and correlations.
covariance_noise <- function(N, J, n) {
  common <- length(dim(N)) == 2L
  at <- seq(1L, n * n, n + 1L)
  variances <- matrix(if (common) rep(N[at], each = J) else t(matrix(N, n * n)[at, ]), J, n)
  if (any(variances < 0)) {
    stop_mnmash("not_psd", "`noise` has a negative variance: in unit ",
                which(rowSums(variances < 0) > 0)[1L])
  }
  s <- sqrt(variances)
  if (any(s == 0)) return(list(s = s, N = N))
  V <- if (common) {
    N / tcrossprod(s[1L, ])
  } else {
    sd <- t(s)
    N / array(sd[rep(seq_len(n), n), ] * sd[rep(seq_len(n), each = n), ], c(n, n, J))
  }
  list(s = s, V = array(V, dim(N)), N = N)
}

# variances (of independent errors) or covariances, as the core takes them for projections.
covariances_of <- function(given, J, n) {
  covariances <- given$N
  if (is.null(covariances) && !is.null(given$V)) {
    sd <- t(given$s)
    scale <- array(sd[rep(seq_len(n), n), ] * sd[rep(seq_len(n), each = n), ], c(n, n, J))
    covariances <- scale * as.vector(given$V)
  }
  list(variances = if (is.null(covariances)) given$s^2, covariances = covariances)
}

# One run of the core: U, pi, means, loglik, and how it ended, also as `convergence`.
run_ed <- function(problem, task, tol, max_iter, w, row_weights, n_threads) {
  row_weights <- align_each(row_weights, problem$rows, problem$units, "row_weights", "unit")
  control <- list(
    tol = check_number(tol, infinite = TRUE),
    max_iter = floor(check_number(max_iter, name = "maxiter", 0, 2^53)),
    w = check_number(w, 0), row_weights = check_row_weights(row_weights, problem$units)
  )
  found <- call_core(
    if (problem$kind == "direct") "ed" else "ed_projected",
    measurements = problem$measurements, start = task, control = control,
    label = "Extreme deconvolution, units", n_threads = resolve_threads(n_threads)
  )
  c(found[names(found) != "ended"], found$ended, list(convergence = ending(found)))
}

check_row_weights <- function(weights, J, name = "row_weights") {
  if (is.null(weights)) return(NULL)
  if (!is.numeric(weights) || length(weights) != J || anyNA(weights) || any(weights < 0) ||
        !all(is.finite(weights)) || !any(weights > 0)) {
    stop_mnmash("argument", as_typed(name), ", the weights of the units, must be ", J,
                " finite numbers of at least 0, and not all 0")
  }
  as.double(weights)
}
