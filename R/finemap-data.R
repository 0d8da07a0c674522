# What is known of a region: rows, sufficient statistics or summary statistics.

#' Data of a region for fine-mapping
#'
#' Three ways to say what is known of p variables and R conditions: individual data
#' (`finemap_data()`), sufficient statistics (`finemap_suffstat()`), or z-scores, or effects and
#' standard errors, with the correlations of the variables (`finemap_sumstats()`). The same data in
#' the three forms give the same fit.
#'
#' Z-scores of `n` samples are first shrunk to `z sqrt((n - 1) / (z^2 + n - 2))`, which makes them
#' the ones that a fit with a known residual variance would have had, instead of one for each
#' variable (susieR does the same). `n` may differ by condition; overlap of the samples is then
#' part of the residual correlation `V` of the z-scores.
#'
#' @param X n x p matrix of variables (genotypes), without missing values.
#' @param Y n x R matrix of outcomes (a vector is one condition); `NA` where not observed.
#' @param XtX,XtY,YtY p x p, p x R and R x R products of centred variables and outcomes.
#' @param n number of samples. For `finemap_sumstats()` one number or R numbers.
#' @param x_mean,y_mean means of the columns, for an intercept (optional).
#' @param Z p x R matrix of z-scores; or give
#' @param Bhat,Shat p x R matrices of effects of single variables and their standard errors.
#' @param LD p x p matrix of correlations of the variables, from these samples or from a population
#'   like theirs. Row names, if it has them, must be those of the z-scores.
#' @param check look whether `LD` is positive semi-definite, which takes p^3 / 3 operations.
#'
#' @return An object of class `finemap_data`.
#' @section Errors:
#' Missing values in `X`, `LD` or the z-scores, columns that are constant, two variables of one
#' name, `LD` with other variables than the z-scores (with their names), or with negative
#' eigenvalues beyond rounding. Z-scores without `n` are a warning.
#' @seealso [finemap()], [qc_sumstats()]
#' @references Zou, Carbonetto, Wang and Stephens (2022), PLoS Genetics 18, e1010299, for z-scores
#'   with sample sizes.
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(200 * 20, 2, 0.3), 200)
#' Y <- X[, 3] %o% c(1, 0.5) + matrix(rnorm(400), 200)
#' finemap_data(X, Y)
#'
#' # The same from products of centred data, and from z-scores
#' x <- scale(X, scale = FALSE)
#' y <- scale(Y, scale = FALSE)
#' finemap_suffstat(crossprod(x), crossprod(x, y), crossprod(y), n = 200)
#' s <- univariate_sumstats(X, Y)
#' finemap_sumstats(s$Bhat / s$Shat, LD = cor(X), n = 200)
finemap_data <- function(X, Y) {
  X <- complete_matrix(X, "X")
  Y <- as_numeric_matrix(Y)
  check_finite(Y)
  if (nrow(X) != nrow(Y)) {
    stop_mnmash("dimension", "`X` and `Y` must have the same rows: ", nrow(X), " and ", nrow(Y))
  }
  if (nrow(X) < 3L) stop_mnmash("dimension", "`X` must have at least 3 rows")
  check_variables(colnames(X), "the columns of `X`")
  constant <- which(vapply(seq_len(ncol(X)), \(j) all(X[, j] == X[1L, j]), NA))
  if (length(constant)) {
    stop_mnmash(
      "value", "`X` must not have constant columns: ",
      describe_index("column", constant[1L], colnames(X)), " is", and_more(length(constant)),
      "; leave them out"
    )
  }
  for (r in seq_len(ncol(Y))) {
    y <- Y[!is.na(Y[, r]), r]
    if (length(y) < 3L || all(y == y[1L])) {
      stop_mnmash(
        "value", "`Y` must vary: ", describe_index("column", r, colnames(Y)),
        if (length(y) < 3L) " has fewer than 3 values" else " is constant"
      )
    }
  }
  new_finemap_data("rows", colnames(X), colnames(Y), ncol(X), ncol(Y), X = X, Y = Y, n = nrow(X))
}

#' @rdname finemap_data
#' @export
finemap_suffstat <- function(XtX, XtY, YtY, n, x_mean = NULL, y_mean = NULL) {
  XtX <- complete_matrix(XtX, "XtX")
  XtY <- complete_matrix(XtY, "XtY")
  YtY <- complete_matrix(YtY, "YtY")
  if (missing(n)) stop_mnmash("argument", "`n`, the number of samples, is needed")
  n <- check_number(n, 3)
  check_square(XtX, "XtX")
  check_square(YtY, "YtY")
  if (nrow(XtX) != nrow(XtY) || nrow(YtY) != ncol(XtY)) {
    stop_mnmash(
      "dimension", "`XtX`, `XtY` and `YtY` must be p x p, p x R and R x R, not ",
      describe_dim(XtX), ", ", describe_dim(XtY), " and ", describe_dim(YtY)
    )
  }
  variables <- first_names(rownames(XtX), colnames(XtX), rownames(XtY))
  check_variables(variables, "the rows of `XtX`")
  check_same_variables(rownames(XtX), rownames(XtY), "XtX", "XtY")
  constant <- which(diag(XtX) <= 0)
  if (length(constant)) {
    stop_mnmash(
      "value", "the diagonal of `XtX` must be positive: it is not for ",
      describe_index("variable", constant[1L], variables), and_more(length(constant))
    )
  }
  new_finemap_data(
    "suffstat", variables, first_names(colnames(XtY), colnames(YtY)), nrow(XtX), ncol(XtY),
    XtX = XtX, XtY = XtY, YtY = YtY, n = n,
    x_mean = check_column_means(x_mean, nrow(XtX), "x_mean"),
    y_mean = check_column_means(y_mean, ncol(XtY), "y_mean")
  )
}

#' @rdname finemap_data
#' @export
finemap_sumstats <- function(Z = NULL, LD, n = NULL, Bhat = NULL, Shat = NULL, check = TRUE) {
  if (is.null(Z) == (is.null(Bhat) || is.null(Shat))) {
    stop_mnmash("argument", "give either `Z`, or `Bhat` and `Shat`")
  }
  if (is.null(Z)) {
    Bhat <- complete_matrix(Bhat, "Bhat")
    Shat <- complete_matrix(Shat, "Shat")
    if (!identical(dim(Bhat), dim(Shat))) {
      stop_mnmash("dimension", "`Shat` must be ", describe_dim(Bhat), ", as `Bhat`, not ",
                  describe_dim(Shat))
    }
    if (any(Shat <= 0)) {
      bad <- which(Shat <= 0)
      stop_mnmash("value", "`Shat` must be positive: it is ", Shat[bad[1L]], " at ",
                  describe_cell(Shat, bad[1L]))
    }
    Z <- Bhat / Shat
  } else {
    Z <- complete_matrix(Z, "Z")
  }
  LD <- complete_matrix(LD, "LD")
  check_same_variables(rownames(Z), first_names(rownames(LD), colnames(LD)), "Z", "LD")
  if (!identical(dim(LD), rep(nrow(Z), 2L))) {
    stop_mnmash(
      "dimension", "`LD` must be ", nrow(Z), " x ", nrow(Z), ", as there are z-scores of ", nrow(Z),
      " variables, not ", describe_dim(LD)
    )
  }
  variables <- first_names(rownames(Z), rownames(LD), colnames(LD))
  check_variables(variables, "the rows of `Z`")
  check_square(LD, "LD")
  bad <- which(abs(diag(LD) - 1) > 1e-3)
  if (length(bad)) {
    stop_mnmash(
      "value", "`LD` must hold correlations: its diagonal is ", diag(LD)[bad[1L]], " for ",
      describe_index("variable", bad[1L], variables), and_more(length(bad))
    )
  }
  if (check_flag(check)) from_rust(rust_check_psd(LD, 1e-4, "`LD`"))
  if (is.null(n)) {
    warn_mnmash(
      "sample_size", "without `n` the z-scores are used as they are, which overstates large ",
      "effects: give the number of samples if it is known"
    )
  } else {
    if (!is.numeric(n) || !length(n) %in% c(1L, ncol(Z)) || any(!is.finite(n) | n < 3)) {
      stop_mnmash("argument", "`n` must be one number of samples, or one for each of the ", ncol(Z),
                  " conditions, each at least 3")
    }
    n <- as.double(n)
    if (all(n == n[1L])) n <- n[1L]
  }
  new_finemap_data("sumstats", variables, colnames(Z), nrow(Z), ncol(Z), Z = Z, LD = LD, n = n)
}

#' @rdname finemap_data
#' @param x the data.
#' @param ... ignored.
#' @export
print.finemap_data <- function(x, ...) {
  kind <- c(
    rows = "individual data", suffstat = "sufficient statistics", sumstats = "summary statistics"
  )
  cat(
    "Region of ", x$p, " variables and ", x$R, if (x$R == 1L) " condition" else " conditions", ": ",
    kind[[x$kind]], if (!is.null(x$n)) paste0(", n = ", paste(range(x$n), collapse = " to ")), "\n",
    sep = ""
  )
  invisible(x)
}

new_finemap_data <- function(kind, variables, conditions, p, R, ...) {
  structure(
    list(kind = kind, variables = variables, conditions = conditions, p = p, R = R, ...),
    class = "finemap_data"
  )
}

complete_matrix <- function(x, name) {
  x <- as_numeric_matrix(x, name = name)
  if (anyNA(x)) {
    bad <- which(is.na(x))
    stop_mnmash(
      "missing", "`", name, "` must not have missing values: it is NA at ",
      describe_cell(x, bad[1L]), and_more(length(bad))
    )
  }
  check_finite(x, name = name)
}

check_square <- function(x, name) {
  if (nrow(x) != ncol(x)) {
    stop_mnmash("dimension", "`", name, "` must be square, not ", describe_dim(x))
  }
  at <- from_rust(rust_asymmetry(x))
  if (at > 0) {
    stop_mnmash("asymmetric", "`", name, "` must be symmetric: it is not at ", describe_cell(x, at))
  }
}

# The first names that are given.
first_names <- function(...) {
  for (names in list(...)) if (!is.null(names)) return(names)
  NULL
}

check_variables <- function(names, where) {
  twice <- anyDuplicated(names)
  if (twice) {
    stop_mnmash("names", where, " must have distinct names: \"", names[twice], "\" is there twice")
  }
}

# Both have names: they must agree, in order.
check_same_variables <- function(a, b, name_a, name_b) {
  if (is.null(a) || is.null(b) || identical(a, b)) return(invisible())
  some <- \(x) paste0(paste(utils::head(x, 5L), collapse = ", "),
                      if (length(x) > 5L) paste0(" and ", length(x) - 5L, " more"))
  only_a <- setdiff(a, b)
  only_b <- setdiff(b, a)
  if (length(only_a) || length(only_b)) {
    stop_mnmash(
      "names", "`", name_a, "` and `", name_b, "` must have the same variables: ",
      if (length(only_a)) paste0("only in `", name_a, "`: ", some(only_a)),
      if (length(only_a) && length(only_b)) "; ",
      if (length(only_b)) paste0("only in `", name_b, "`: ", some(only_b))
    )
  }
  at <- which(a != b)
  stop_mnmash(
    "names", "`", name_a, "` and `", name_b, "` must have their variables in the same order: ",
    "number ", at[1L], " is ", a[at[1L]], " in one and ", b[at[1L]], " in the other"
  )
}

check_column_means <- function(x, n, name) {
  if (is.null(x)) return(NULL)
  if (!is.numeric(x) || length(x) != n || !all(is.finite(x))) {
    stop_mnmash("argument", "`", name, "` must be ", n, " numbers")
  }
  as.double(x)
}
