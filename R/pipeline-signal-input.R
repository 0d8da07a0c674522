# From regressions of many regions to the sets of units that mash learns from.

#' Build the input of a mash analysis from deconvolved or fine-mapped effects
#'
#' Takes deconvolved or fine-mapped effects of many regions (genes, blocks of the genome) and picks
#' the sets that a prior is learnt from: `strong` ones, one row for each signal, and `random` and
#' `null` ones. It is the link between the steps of the modular route to m&m regression: deconvolve
#' the effects of each region, learn the prior of effects in many conditions from all, use it (see
#' Examples).
#'
#' Univariate effects of a region are sums over all variants in linkage disequilibrium. A prior
#' learnt from the top univariate effects has the patterns of such sums; where several causal
#' variants share a region, among them opposite signs in different conditions that no variant has.
#' Deconvolved effects have hardly any of these.
#'
#' @section Selection:
#' Of each region
#' - `strong`: for each condition the predictor with the largest deconvolved |z|, if its |z| is
#'   above `z_thresh` in some condition, each predictor once. A signal has then one row, or a few
#'   where conditions that were fitted apart chose different proxies of one variant.
#' - `random`: `n_random` predictors at random, strong ones among them.
#' - `null`: up to `n_null` predictors at random whose |z| is below `null_z` in all conditions.
#'
#' Of regions that were fine-mapped ([finemap()], with the canonical prior at first) there is one
#' `strong` row for each credible set: the effect of its most probable variable without the other
#' effects, if its |z| is above `z_thresh` in some condition. There are no `random` and `null` rows:
#' weights are then those of effects that are there, which is what [finemap()] takes.
#'
#' Proxies take parts of one effect: under linkage disequilibrium the weight of the null is far
#' below the share of predictors without an effect of their own, in the regressions as in mash.
#'
#' @param fits effects of regions, all from [deconvolve()] or [deconvolve_rss()], or all from
#'   [finemap()]: a list
#'   with the regions as names, such as [each_region()] returns (regions that failed, `NULL`, are
#'   left out), or those of one region. Conditions are matched by name; what a region lacks is
#'   missing.
#' @param z_thresh strong predictors have a larger |z| than this in some condition.
#' @param n_random,n_null how many predictors of each region; not of fine-mapped effects.
#' @inheritParams mash_input
#' @inheritParams shared_arguments
#'
#' @return An input as of [mash_input()], for [mixture_prior()] and [mash_fit()]: matrices
#'   `strong.b`, `strong.s`, `strong.z` and so on, in units of the responses per unit of the
#'   predictors, whose rows are named `<region>:<predictor>`; `V`, the residual correlation, which
#'   is the mean of those of the regressions; its attribute `"counts"` has the numbers of regions,
#'   of predictors and of those in each set. `V` cannot be had from the z-scores of neighbours,
#'   which are few independent ones.
#'
#'   It is an error of class `mnmash_error_names` if conditions have no names, and
#'   `mnmash_error_too_few` if no predictor of any region is strong.
#' @seealso [deconvolve()], [mixture_prior()],
#'   `vignette("regression-and-deconvolution", package = "mnmash")`
#' @export
#' @examples
#' genes <- lapply(c(gene1 = 1, gene2 = 2, gene3 = 3), \(seed) {
#'   simulate_mr_mash(n = 200, p = 40, p_causal = 2, r = 3, pve = 0.4, X_cor = 0.6, seed = seed)
#' })
#' # One: the effects of each variant given all others
#' effects <- each_region(genes, \(gene) deconvolve(gene$X, gene$Y))
#' # Two: their patterns (with so few genes there are warnings), and mash
#' input <- signal_input(effects)
#' attr(input, "counts")
#' prior <- suppressWarnings(mixture_prior(input, verbose = FALSE))
#' signals <- suppressWarnings(mash_fit(input, prior, verbose = FALSE))
#' signals$posterior$lfsr
#' # Three: which variants they are
#' with(genes$gene1, finemap(finemap_data(X, Y), prior))
signal_input <- function(fits, z_thresh = 4, n_random = 40, n_null = 10, null_z = 2, seed = 999,
                         ...) {
  take_dots(...)
  of_rows <- c(n_random = !missing(n_random), n_null = !missing(n_null))
  z_thresh <- check_number(z_thresh, 0)
  n_random <- check_count(n_random, 0)
  n_null <- check_count(n_null, 0)
  null_z <- check_number(null_z, 0)
  mapped <- fine_mapped(fits)
  if (mapped) {
    not_of_leads(of_rows)
    fits <- if (inherits(fits, "finemap")) lead_effects(fits) else lapply(fits, lead_effects)
  }
  cells <- region_effects(fits)
  z <- cells$b / cells$s
  largest <- largest_z(z)
  strong <- if (mapped) {
    which(largest > z_thresh)
  } else {
    signal_rows(z, largest, cells$feature, z_thresh)
  }
  rows <- list(strong = strong, random = NULL, null = NULL)
  if (!length(strong)) {
    stop_mnmash(
      "too_few", as_typed("fits"), " have no ", if (mapped) "credible set" else "predictor",
      " with |z| > ", z_thresh, ": the largest is ", format(max(largest, 0), digits = 3),
      "; give more regions, or a lower `z_thresh`"
    )
  }
  all <- rep(TRUE, nrow(z))
  seed <- check_set_seed(check_seed(seed))
  if (!mapped) with_seed(seed, {
    rows$random <- some_of_each(all, rownames(z), cells$feature, n_random)
    rows$null <- some_of_each(all & largest < null_z, rownames(z), cells$feature, n_null)
  })
  counts <- c(regions = length(unique(cells$feature)), predictors = nrow(z), lengths(rows))
  input <- input_of_rows(cells, z, rows, counts)
  input$V <- cells$V
  input
}

# Whether effects are fine-mapped, of one region or all.
fine_mapped <- function(fits) {
  inherits(fits, "finemap") || is.list(fits) && !inherits(fits, "deconvolved") && length(fits) &&
    all(vapply(fits, \(fit) is.null(fit) || inherits(fit, "finemap"), NA)) &&
    !all(vapply(fits, is.null, NA))
}

not_of_leads <- function(given) {
  if (any(given)) {
    stop_mnmash(
      "argument", as_typed(names(which(given))[1L]), " has no use with fine-mapped effects, which ",
      "have no random rows"
    )
  }
}

# Of the credible sets of a region the effects of the most probable variables, each without the
# other effects, in the layout of deconvolved ones.
lead_effects <- function(fit) {
  if (is.null(fit)) return(NULL)
  conditions <- colnames(fit$lfsr)
  of_sets <- \(what) {
    x <- vapply(fit$near[names(fit$sets)], \(near) near[[what]][1L, ] * near$unit[1L, ],
                numeric(length(conditions)))
    leads <- vapply(fit$near[names(fit$sets)], \(near) as.integer(near$variable[1L]), 0L)
    labels <- list(names(fit$pip)[leads], conditions)
    matrix(t(x), length(leads), length(conditions), dimnames = labels)
  }
  structure(
    list(Bhat = of_sets("x"), Shat = of_sets("s"), V = stats::cov2cor(fit$V)),
    class = "deconvolved"
  )
}

# Effects of all regions, one below the other: `b`, `s`, and the region of each row.
region_effects <- function(fits, name = arg_name(fits)) {
  force(name)
  if (inherits(fits, "deconvolved")) {
    labels <- ""
    fits <- list(fits)
  } else {
    fits <- named_regions(fits, name)
    if (is.list(fits)) fits <- Filter(Negate(is.null), fits)
    labels <- paste0(names(fits), ":")
    other <- !vapply(fits, inherits, NA, "deconvolved")
    if (any(other) || !length(fits)) {
      stop_mnmash(
        "type", as_typed(name), " must be what deconvolve(), deconvolve_rss() or finemap() ",
        "returned, one of these for each region",
        if (any(other)) paste0(": \"", names(fits)[other][1L], "\" is not")
      )
    }
  }
  nameless <- which(vapply(fits, \(d) is.null(colnames(d$Bhat)), NA))
  if (length(nameless)) {
    stop_mnmash(
      "names", as_typed(name), ": the conditions have no names",
      if (nzchar(labels[1L])) paste0(" in region \"", names(fits)[nameless[1L]], "\""),
      "; give the columns of the responses names"
    )
  }
  conditions <- unique(unlist(lapply(fits, \(d) colnames(d$Bhat))))
  fits <- Map(\(d, label) {
    aligned_effects(d, paste0(name, "$", sub(":$", "$", label)))
  }, fits, labels)
  known <- lapply(fits, \(d) which(rowSums(!is.na(d$Bhat)) > 0))
  stacked <- function(what) {
    do.call(rbind, unname(Map(\(d, at, label) {
      x <- matrix(NA_real_, length(at), length(conditions), dimnames = list(NULL, conditions))
      x[, colnames(d$Bhat)] <- d[[what]][at, ]
      predictors <- rownames(d$Bhat) %||% seq_len(nrow(d$Bhat))
      rownames(x) <- paste0(label, predictors[at], recycle0 = TRUE)
      x
    }, fits, known, labels)))
  }
  list(
    b = stacked("Bhat"), s = stacked("Shat"), feature = rep(labels, lengths(known)),
    V = pooled_correlation(lapply(fits, `[[`, "V"), conditions)
  )
}

# Standard errors in the order of the effects.
aligned_effects <- function(d, where) {
  Shat <- align_columns(
    d$Shat, colnames(d$Bhat), ncol(d$Bhat), paste0(where, "Shat"), "condition",
    to = as_typed(paste0(where, "Bhat")), more = "refuse"
  )
  d$Shat <- align_rows(
    Shat, rownames(d$Bhat), nrow(d$Bhat), paste0(where, "Shat"), "unit",
    to = as_typed(paste0(where, "Bhat")), more = "refuse"
  )
  d
}

# Of each region and condition the row with the largest |z|, if it is a signal somewhere.
signal_rows <- function(z, largest, region, z_thresh) {
  rows <- unlist(lapply(split(seq_len(nrow(z)), region), \(at) {
    at[unlist(apply(abs(z[at, , drop = FALSE]), 2L, which.max))]
  }))
  sort(unique(rows[largest[rows] > z_thresh]))
}
