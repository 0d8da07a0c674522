# What is known of a region by summary statistics.

#' @rdname finemap_data
#' @export
finemap_sumstats <- function(Z = NULL, LD, n = NULL, Bhat = NULL, Shat = NULL, check = TRUE, ...) {
  take_dots(...)
  if (is.null(Z) == (is.null(Bhat) || is.null(Shat))) {
    stop_mnmash("argument", "give either `Z`, or `Bhat` and `Shat`")
  }
  if (missing(LD)) stop_mnmash("argument", "`LD`, the correlations of the variables, is needed")
  given <- if (is.null(Z)) list(Bhat = Bhat, Shat = Shat) else list(Z = Z)
  sumstats_region(given, LD, n, check_flag(check))
}

# `given` are z-scores, or effects and standard errors, by the names of the user's arguments.
sumstats_region <- function(given, LD, n, check) {
  what <- paste0("`", names(given)[1L], "`")
  Z <- complete_matrix(given[[1L]], names(given)[1L])
  Shat <- given[["Shat"]]
  if (!is.null(Shat)) {
    Shat <- positive_like(complete_matrix(Shat, "Shat"), Z)
    Z <- Z / Shat
  }
  LD <- complete_matrix(LD, "LD")
  if (nrow(LD) != ncol(LD)) {
    stop_mnmash("dimension", "`LD` must be square, not ", describe_dim(LD))
  }
  LD <- align_square(LD, rownames(Z), nrow(Z), "LD", "variable", to = what)
  variables <- first_names(rownames(Z), rownames(LD), colnames(LD))
  check_variables(variables, paste("the rows of", what))
  check_square(LD, "LD")
  bad <- which(abs(diag(LD) - 1) > 1e-3)
  if (length(bad)) {
    stop_mnmash(
      "value", "`LD` must hold correlations: its diagonal is ", diag(LD)[bad[1L]], " for ",
      describe_index("variable", bad[1L], variables), and_more(length(bad))
    )
  }
  if (check) call_core("check_psd", x = LD, control = list(slack = 1e-4, name = "`LD`"))
  if (is.null(n)) {
    warn_mnmash(
      "sample_size", "without `n` the z-scores are used as they are, which overstates large ",
      "effects: give the number of samples if it is known"
    )
  } else {
    n <- samples_of(n, Z, what)
  }
  new_finemap_data(
    "sumstats", variables, colnames(Z), nrow(Z), ncol(Z), Z = Z, LD = LD, n = n,
    effect_unit = effect_units(Z, Shat, n)
  )
}

# Standard errors in the order of the effects.
positive_like <- function(Shat, Bhat) {
  Shat <- align_rows(Shat, rownames(Bhat), nrow(Bhat), "Shat", "variable", to = "`Bhat`")
  Shat <- align_columns(Shat, colnames(Bhat), ncol(Bhat), "Shat", "condition", to = "`Bhat`")
  bad <- which(Shat <= 0)
  if (length(bad)) {
    stop_mnmash(
      "value", "`Shat` must be positive: it is ", Shat[bad[1L]], " at ",
      describe_cell(Shat, bad[1L]), and_more(length(bad))
    )
  }
  Shat
}

# Numbers of samples: one, or one for each condition where they differ.
samples_of <- function(n, Z, what) {
  R <- ncol(Z)
  if (is.data.frame(n)) n <- as.matrix(n)
  if (!is.numeric(n) || !length(n) || any(!is.finite(n) | n < 3)) {
    stop_mnmash(
      "argument", "`n` must be one number of samples, or one for each of the ", R,
      " conditions, each at least 3"
    )
  }
  by_variant <- length(n) == length(Z) && nrow(Z) > 1L && (length(dim(n)) == 2L || R == 1L)
  if (by_variant) {
    n <- matrix(n, nrow(Z), dimnames = if (length(dim(n)) == 2L) dimnames(n))
    n <- align_columns(n, colnames(Z), R, "n", "condition", to = what)
    if (any(n != rep(n[1L, ], each = nrow(n)))) {
      stop_mnmash(
        "argument", "`n` must be the same for all variables of a condition: give one number, such ",
        "as their median, and leave out variables with far fewer samples"
      )
    }
    n <- n[1L, ]
  } else if (length(n) > 1L || R == 1L) {
    n <- align_vector(n, colnames(Z), R, "n", "condition", to = what)
  }
  n <- as.double(n)
  if (all(n == n[1L])) n[1L] else n
}

# What an effect of standard deviations is in the units of Bhat: sd(Y_r) / sd(x_j), which is
# Shat sqrt(n - 2 + z^2) for a regression with an intercept. Without n, of z-scores.
effect_units <- function(Z, Shat, n) {
  if (is.null(Shat)) return(NULL)
  if (is.null(n)) return(Shat)
  Shat * sqrt(rep(rep_len(n, ncol(Z)), each = nrow(Z)) - 2 + Z^2)
}
