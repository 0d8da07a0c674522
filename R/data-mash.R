# The data of a mash analysis: effects, standard errors, and the residual correlation V.
#
# Model, in scaled units: Bhat_j / s_j^alpha ~ N(b_j / s_j^alpha, S_j V S_j), where
# S_j = diag(s_j^(1 - alpha)).

#' Data for mash: effects, standard errors and residual correlation
#'
#' Collects what [mash()] needs, checks it, and scales it by `Shat^alpha`.
#'
#' The model is `Bhat[j, ] ~ N(b[j, ], S_j V S_j)` with `S_j = diag(Shat[j, ])`. The prior is put on
#' the scaled effects `b[j, r] / Shat[j, r]^alpha`: with `alpha = 0` on the effects themselves
#' (exchangeable effects, EE), with `alpha = 1` on the z-scores (exchangeable z-scores, EZ).
#'
#' @section Missing values:
#' A cell is missing where `Bhat` is `NA` (and `Shat`, unless `Shat` is one number or 1 everywhere).
#' With `missing = "exact"` a unit's likelihood and posterior use its observed conditions only: the
#' missing ones are integrated out, also when `V` is not diagonal. The posterior of a missing cell
#' is then what the observed conditions say about it; with `alpha > 0` it is in scaled units
#' (`b / s^alpha`), because its standard error is not known. With `missing = "mashr"` missing cells
#' become effects of zero with a standard error of 1e6, mashr's rule, which is not exact when `V` is
#' not diagonal. A unit or a condition without any observed value is an error.
#'
#' Some scripts code missing cells as effects of zero with a large standard error (10, 100, 1e6)
#' themselves: such a cell counts as measured, which raises the rate of false findings when `V` is
#' not diagonal, and under EZ, where it is a z-score of 0. Give `NA` instead; a message says where
#' data look like that.
#'
#' @section Names:
#' Where `Bhat` has names of units (rows) or conditions (columns) and another argument has them too,
#' they are matched by name: another order is put in order, and a name that is missing is an error.
#' Names that only `Shat` or `pval` have are taken for those of `Bhat`. Matrices of the package
#' Matrix are taken as plain ones.
#'
#' @section Student t and p-values:
#' With finite `df` the standard error is replaced by `Bhat / z`, where `z` is the normal score of
#' the p-value of `Bhat / Shat` under Student's t with `df` degrees of freedom; where `Bhat` is zero
#' by the limit of that, `Shat * dnorm(0) / dt(0, df)`. That standard error depends on the effect,
#' which EE (`alpha = 0`) takes it not to do: with few degrees of freedom (3 replicates, 4 of them)
#' sign errors are then several times as frequent as the lfsr says. Use EZ (`alpha = 1`) with
#' them; its lfsr keep their promise. With `pval`, `Shat = Bhat / z`, `z` being
#' the normal score of the two-sided p-value.
#'
#' @param Bhat effects, J units (rows) x R conditions (columns): a matrix or a data frame of
#'   numbers, or a vector for one condition; `NA` where missing. Z-scores if `Shat` is not given. Or
#'   the result of [deconvolve()], which brings `Shat` and `V`.
#' @param Shat standard errors of `Bhat`, positive, in its units: J x R, one number for each unit,
#'   or one for all. Default: 1 for all, `Bhat` being z-scores.
#' @param alpha how effects scale with their standard errors: 0 (EE) to 1 (EZ).
#' @param df degrees of freedom of the standard errors: J x R, one number for each unit (such as
#'   `df.total` of limma), or one for all. Default `Inf` (normal).
#' @param pval two-sided p-values, J x R, in place of `Shat`. One of 0, which was rounded, leaves
#'   the standard error unknown and is an error; one of 1 says nothing of the effect (its standard
#'   error is infinite), and the cell is missing. [mash_input()] has the same rule for tables.
#' @param V correlation of the measurement errors among conditions: R x R, or R x R x J when it
#'   differs by unit; positive definite. Default: independent errors. One of more conditions is
#'   reduced to those of the data.
#' @param zero_check_tol standard errors up to this count as zero.
#' @param zero_Bhat_Shat_reset positive number to replace standard errors of zero where the effect
#'   is zero too (at most `zero_check_tol` in absolute value). Default 0: such cells are an error.
#' @param zero_Shat_reset positive number to replace other standard errors of zero. Default 0: an
#'   error.
#' @param missing what to do with missing values: `"exact"` or `"mashr"`, see below.
#' @inheritParams shared_arguments
#'
#' @return An object of classes `mash_data` and `mash`: a list of
#'   `Bhat` (scaled effects, 0 where missing), `Shat`
#'   (`Shat^(1 - alpha)`, 1e6 where missing), `Shat_alpha` (`Shat^alpha`, 1 where missing), `V`,
#'   `commonV` (is `V` the same for all units), `alpha`, `missing` (J x R logical mask, or
#'   `NULL` when nothing is missing or `missing = "mashr"`), and `units` of the (scaled) effects:
#'   `"effect"`, `"z"` (`alpha` 1, or no standard errors given), or `NULL` for `alpha` between.
#' @references Urbut, Wang, Carbonetto and Stephens (2019), Nature Genetics 51, 187-195.
#' @seealso [mash_update_data()], [estimate_null_correlation_simple()], [mash()]
#' @export
#' @examples
#' sims <- simple_sims(nsamp = 10, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' data
#'
#' # Z-scores alone, with a missing value
#' z <- sims$Bhat / sims$Shat
#' z[1, 2] <- NA
#' mash_set_data(z)$missing[1, ]
mash_set_data <- function(Bhat, Shat = NULL, alpha = 0, df = Inf, pval = NULL,
                          V = diag(ncol(Bhat)), zero_check_tol = .Machine$double.eps,
                          zero_Bhat_Shat_reset = 0, zero_Shat_reset = 0,
                          missing = c("exact", "mashr"), ...) {
  take_dots(...)
  if (inherits(Bhat, "deconvolved")) {
    if (!is.null(Shat)) {
      stop_mnmash(
        "argument", as_typed("Shat"), " is part of the deconvolved effects"
      )
    }
    if (base::missing(V)) V <- Bhat$V
    known <- !is.na(Bhat$Bhat[, 1L])
    Shat <- Bhat$Shat[known, , drop = FALSE]
    Bhat <- Bhat$Bhat[known, , drop = FALSE]
  }
  missing <- match_choice(missing, c("exact", "mashr"))
  alpha <- check_number(alpha, 0, 10)
  Bhat <- as_numeric_matrix(Bhat)
  for (x in list(Shat, pval)) Bhat <- with_names_of(Bhat, x)
  check_finite(Bhat)
  check_dimnames(Bhat)
  df <- plain_matrix(df)
  if (!is.numeric(df)) df <- as_numeric_matrix(df)
  if (!is.null(pval)) {
    if (!is.null(Shat)) {
      stop_mnmash(
        "argument", "give ", as_typed("Shat"), " or ", as_typed("pval"), ", not both"
      )
    }
    if (!isTRUE(all(is.infinite(df)))) {
      stop_mnmash(
        "argument", "give ", as_typed("df"), " or ", as_typed("pval"), ", not both"
      )
    }
    found <- shat_from_pval(Bhat, pval)
    Bhat <- found$Bhat
    Shat <- found$Shat
  }
  units <- if (is.null(Shat)) "z" else alpha_units(alpha)
  Shat <- check_shat(if (is.null(Shat)) 1 else Shat, Bhat)
  mask <- missing_mask(Bhat, Shat)
  Shat <- reset_zero_shat(Bhat, Shat, zero_check_tol, zero_Bhat_Shat_reset, zero_Shat_reset)
  V <- data_correlation(V, Bhat)
  tell_coded_missing(Bhat, Shat)
  if (!isTRUE(all(is.infinite(df)))) {
    tell_few_df(df, alpha)
    Shat <- shat_from_t(Bhat, Shat, df)
  }
  new_mash_data(Bhat, Shat, alpha, V, mask, missing, units)
}

#' Change the residual correlation of mash data, or turn them into contrasts
#'
#' With `ref`, the data become differences from a baseline: the (scaled) effects of condition `ref`,
#' or their mean over conditions, are subtracted from those of the others. The differences of a unit
#' share the error of its baseline, and are analysed with the correlation that follows from it,
#' `L S_j V S_j L'`. Their prior covariances are of the R - 1 differences; results of contrasts with
#' the mean are reported for all R conditions. Of EZ data (`alpha = 1`) the differences are of
#' z-scores.
#'
#' A difference is missing where its condition or its baseline is.
#'
#' @param mashdata data from [mash_set_data()].
#' @param ref the baseline: number or name of a condition, or `"mean"`; see [contrast_matrix()]. It
#'   can be set once.
#' @param V the new residual correlation (of the conditions, not of the contrasts), R x R or
#'   R x R x J, as in [mash_set_data()].
#' @inheritParams shared_arguments
#'
#' @return `mashdata` with the new `V` and `commonV`. With `ref` also `L`, the contrasts; `Bhat` and
#'   `Shat` are theirs, J x (R - 1), `Shat_orig` the standard errors of the conditions, and `LSVSLt`
#'   the correlation of the contrasts if it is the same for all units.
#' @export
#' @examples
#' sims <- simple_sims(nsamp = 20, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' data <- mash_update_data(data, V = estimate_null_correlation_simple(data, z_thresh = 3))
#' against_first <- mash_update_data(data, ref = 1)
#' m <- mash(against_first, cov_canonical(against_first), verbose = FALSE)
#' head(get_lfsr(m))
mash_update_data <- function(mashdata, ref = NULL, V = NULL, ...) {
  take_dots(...)
  check_mash_data(mashdata)
  if (!is.null(V)) {
    mashdata$V <- data_correlation(
      V, mashdata$Bhat, if (is.null(mashdata$L)) mashdata$Bhat else mashdata$L
    )
    mashdata$commonV <- length(dim(mashdata$V)) == 2L
    if (!is.null(mashdata$L)) {
      mashdata <- new_contrast_data(
        mashdata$Bhat, mashdata$Shat_orig, mashdata$V, mashdata$L, mashdata$missing,
        mashdata$units
      )
    }
  }
  if (is.null(ref)) mashdata else contrast_data(mashdata, ref)
}

# V for the units of Bhat, in the conditions that are the columns of `of`: matched by name where
# both have names, and so are the units of an R x R x J array.
data_correlation <- function(V, Bhat, of = Bhat) {
  units <- if (length(dim(V)) == 3L) dimnames(V)[[3L]]
  if (!is.null(units) && !is.null(rownames(Bhat))) {
    at <- align_to(units, rownames(Bhat), "V", "unit")
    if (!in_order(at, dim(V)[3L])) V <- V[, , at, drop = FALSE]
  }
  check_residual_correlation(V, nrow(Bhat), ncol(of), colnames(of))
}

# Scales by Shat^alpha, fills the missing cells, and makes the object.
new_mash_data <- function(Bhat, Shat, alpha, V, mask, missing, units = alpha_units(alpha)) {
  if (alpha == 0 || all(Shat == 1, na.rm = TRUE)) {
    Shat_alpha <- matrix(1, nrow(Bhat), ncol(Bhat))
  } else {
    Shat_alpha <- Shat^alpha
    Bhat <- Bhat / Shat_alpha
    Shat <- Shat^(1 - alpha)
  }
  check_range(Bhat, Shat)
  if (!is.null(mask)) {
    Bhat[mask] <- 0
    Shat[mask] <- 1e6
    Shat_alpha[mask] <- 1
  }
  structure(
    list(
      Bhat = Bhat, Shat = Shat, Shat_alpha = Shat_alpha, V = V,
      commonV = length(dim(V)) == 2L, alpha = alpha, missing = if (missing == "exact") mask,
      units = units
    ),
    class = c("mash_data", "mash")
  )
}

# Squares, and squares of ratios, must be numbers too.
check_range <- function(Bhat, Shat, limit = 1e75) {
  largest <- max(abs(Bhat), Shat, na.rm = TRUE)
  smallest <- min(Shat, na.rm = TRUE)
  if (largest <= limit && smallest >= 1 / limit) return(invisible())
  bad <- which(abs(Bhat) > limit | Shat > limit | Shat < 1 / limit)[1L]
  stop_mnmash(
    "value", as_typed("Bhat"), " and ", as_typed("Shat"),
    " must be between 1e-75 and 1e75 in size: at ",
    describe_cell(Bhat, bad), " the (scaled) effect is ", format(Bhat[bad]), ", its error ",
    format(Shat[bad]), "; use other units, or NA"
  )
}

# Names are how users find rows and columns again: conditions must be distinct.
check_dimnames <- function(Bhat) {
  twice <- anyDuplicated(colnames(Bhat))
  if (twice) {
    stop_mnmash(
      "names", as_typed("Bhat"), " has two columns named \"", colnames(Bhat)[twice],
      "\": conditions need ",
      "distinct names"
    )
  }
  twice <- anyDuplicated(rownames(Bhat))
  if (twice) {
    warn_mnmash(
      "names", as_typed("Bhat"), " has two rows named \"", rownames(Bhat)[twice],
      "\": results can be told ",
      "apart by row number only"
    )
  }
}

# Shat as a J x R matrix of positive numbers (zero is dealt with later), in the order of Bhat.
check_shat <- function(Shat, Bhat) {
  if (is.numeric(Shat) && length(Shat) == 1L && is.na(Shat) && length(Bhat) != 1L) {
    stop_mnmash("not_finite", as_typed("Shat"), " is ", Shat)
  }
  Shat <- like_bhat(Shat, Bhat, "Shat")
  check_finite(Shat)
  negative <- which(Shat < 0)
  if (length(negative)) {
    stop_mnmash(
      "value", as_typed("Shat"), " must be positive: it is ", Shat[negative[1L]], " at ",
      describe_cell(Bhat, negative[1L]), and_more(length(negative))
    )
  }
  Shat
}

# Which cells are missing (NULL when none), after checking that Bhat and Shat agree about it.
missing_mask <- function(Bhat, Shat) {
  if (!anyNA(Bhat) && !anyNA(Shat)) return(NULL)
  mask <- is.na(Bhat)
  same_everywhere <- !anyNA(Shat) && all(Shat == Shat[1L])
  if (!same_everywhere) {
    differ <- which(mask != is.na(Shat))
    if (length(differ)) {
      at <- differ[1L]
      stop_mnmash(
        "missing", as_typed("Bhat"), " and ", as_typed("Shat"),
        " must be missing in the same cells: at ",
        describe_cell(Bhat, at), " only `", if (mask[at]) "Bhat" else "Shat", "` is NA",
        and_more(length(differ))
      )
    }
  }
  dimnames(mask) <- NULL
  check_some_observed(rowSums(mask) == ncol(mask), "row", rownames(Bhat))
  check_some_observed(colSums(mask) == nrow(mask), "column", colnames(Bhat))
  mask
}

check_some_observed <- function(empty, kind, names) {
  empty <- which(empty)
  if (length(empty)) {
    stop_mnmash(
      "missing", as_typed("Bhat"), " has no observed value in ",
      describe_index(kind, empty[1L], names),
      and_more(length(empty)), ": leave ", if (length(empty) > 1) "them" else "it", " out"
    )
  }
}

# Standard errors of zero: an error, or replaced by what the user chose.
reset_zero_shat <- function(Bhat, Shat, tol, both_reset, shat_reset) {
  tol <- check_number(tol, name = "zero_check_tol", 0)
  both_reset <- check_number(both_reset, name = "zero_Bhat_Shat_reset", 0)
  shat_reset <- check_number(shat_reset, name = "zero_Shat_reset", 0)
  zero <- which(Shat <= tol & !is.na(Bhat))
  both <- zero[abs(Bhat[zero]) <= tol]
  other <- zero[abs(Bhat[zero]) > tol]
  if (length(both) && both_reset == 0) {
    stop_mnmash(
      "value", as_typed("Bhat"), " and ", as_typed("Shat"),
      " are both zero (up to `zero_check_tol`) at ",
      describe_cell(Bhat, both[1L]), and_more(length(both)),
      ": use NA where nothing was measured, or set `zero_Bhat_Shat_reset`"
    )
  }
  if (length(other) && shat_reset == 0) {
    stop_mnmash(
      "value", as_typed("Shat"), " must be positive: it is ", Shat[other[1L]],
      " (zero up to `zero_check_tol`) at ", describe_cell(Bhat, other[1L]),
      and_more(length(other)), "; or set `zero_Shat_reset`"
    )
  }
  Shat[both] <- both_reset
  Shat[other] <- shat_reset
  Shat
}
