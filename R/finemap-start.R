# Where a fit starts, and how it is compared with others.

#' @section Starts and optima:
#' Where causal variables are alike (correlations beyond 0.8), a fit can rest where one effect
#' stands for several, below the highest bound, and without some of them. Three things help; each
#' ends with the fit whose ELBO is highest, and so never lowers it.
#' - A second start, by default where it can pay: orthogonal matching pursuit takes up to eight
#'   variables that explain much together, and exchanges each in turn for a better one, given the
#'   others. If those worth their place explain more than the variables where the effects of the fit
#'   most probably are (each at a price: minus the logarithm of its prior probability, and
#'   `R / 2 (1 + log(z^2 / R))`), the region is fitted again from there. The test costs about as
#'   much as a sweep. On noise such variables hold one another up; so this start is never used
#'   alone.
#' - With `refine = TRUE` a second start in any case, and then moves of pairs: the best two
#'   variables in the place of each effect, and besides all, by their joint Bayes factor (in the
#'   direction of the effect, where there are several conditions), and the fit goes on from the
#'   three that promise most, until none ends higher. Pairs cost O(p^2), for each effect and round.
#' - `start`, where it is known better. The fit starts there, and nowhere else unless it is refined.
#'
#' Fits with missing outcomes have no second start, nor those with `scale = "fixed"` or `compat`.
#' @name finemap
#' @rdname finemap
NULL

# The word for how a fit is compared with others.
refine_word <- function(refine) {
  if (is.null(refine)) return("test")
  if (check_flag(refine)) "always" else "never"
}

# What is assumed of the residual covariance, and whether it is first held. "auto" is to estimate
# it, where it can be, and V is not given; of several conditions, only if that raises the bound.
residual_rule <- function(estimate_V, data, given, compat) {
  if (estimate_V != "auto") return(list(rule = estimate_V, hold = FALSE))
  can <- is.null(compat) && !given && is.null(data$LD_samples) && switch(
    data$kind,
    rows = !anyNA(data$Y), suffstat = TRUE, sumstats = data$R == 1L && length(data$n) == 1L
  )
  list(rule = if (can) "full" else "none", hold = can && data$R > 1L)
}

# Where effects start, on the scale of the fit: a list of list(variable, mean), with the means times
# the probabilities of the places; `unit` (p x R) brings effects on that scale to those of the
# variables as given.
start_effects <- function(start, data, unit, L) {
  if (is.null(start)) return(list())
  effects <- if (inherits(start, "finemap")) fitted_starts else largest_starts
  parts <- effects(start, data)
  parts <- lapply(parts, \(part) {
    known <- order(part$variable)
    at <- part$variable[known]
    mean <- part$mean[known, , drop = FALSE] / unit[at, , drop = FALSE]
    list(variable = at, mean = unname(mean))
  })
  utils::head(parts, L)
}

# Of a fit: its effects, in the variables that the data have too.
fitted_starts <- function(start, data) {
  places <- start_places(names(start$pip), start$data, data)
  columns <- align_to(
    start$data$conditions, data$conditions, "start", "condition", start$data$R, data$R
  )
  parts <- lapply(names(start$scale)[start$scale > 1e-9], \(l) {
    effect <- start$effects[[l]]
    at <- places[effect$variable]
    known <- !is.na(at)
    mean <- start$alpha[l, effect$variable] * effect$mean[, columns, drop = FALSE]
    list(variable = at[known], mean = mean[known, , drop = FALSE])
  })
  parts[lengths(lapply(parts, `[[`, "variable")) > 0L]
}

# The places in the data of the variables of another fit.
start_places <- function(names, of, data) {
  if (!is.null(of$variables) && !is.null(data$variables)) return(match(names, data$variables))
  if (of$p != data$p) {
    stop_mnmash(
      "dimension", as_typed("start"), " is of ", of$p, " variables, but the data have ", data$p,
      ": without names on both sides they cannot be matched"
    )
  }
  seq_len(data$p)
}

# Of effects of all variables: an effect for each of the largest.
largest_starts <- function(start, data) {
  if (inherits(start, "mr_ash")) start <- start$beta
  if (inherits(start, "mr_mash")) start <- start$mu1
  if (!is.numeric(start)) {
    stop_mnmash(
      "type", as_typed("start"), " must be a fit of finemap(), mr_ash() or mr_mash(), or effects: ",
      "p x R numbers"
    )
  }
  B <- if (is.matrix(start)) start else matrix(start, dimnames = list(names(start), NULL))
  B <- complete_matrix(B, "start")
  if (!is.null(rownames(B)) && !is.null(data$variables)) {
    at <- match(rownames(B), data$variables)
    B <- B[!is.na(at), , drop = FALSE]
    at <- at[!is.na(at)]
  } else {
    at <- start_places(NULL, list(p = nrow(B)), data)
  }
  B <- align_columns(B, data$conditions, data$R, "start", "condition")
  size <- rowSums(B^2)
  lapply(order(-size)[seq_len(sum(size > 0))], \(i) {
    list(variable = at[i], mean = B[i, , drop = FALSE])
  })
}
