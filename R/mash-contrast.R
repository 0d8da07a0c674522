# Contrasts among the conditions in which a unit was measured.

#' Posteriors of contrasts between conditions
#'
#' For each unit, how the effect in a condition deviates from the mean of the others, and how the
#' effects of each two conditions differ, among the conditions in which the unit was measured.
#' Means, standard deviations and local false sign rates are those of the posterior, a mixture:
#' exact, also where prior components say that effects are equal, in which case a contrast is zero.
#' (Under a component of independent effects, `product` of [mash()], signs are exact to 1e-8 where
#' errors are independent, and otherwise mean and standard deviation are those of the best
#' independent distributions of the effects.)
#'
#' With m conditions measured, the deviation of condition c is
#' `b_c - (sum of the other b) / (m - 1)`, and the difference of a and c is `b_a - b_c`.
#' Deviations of a unit sum to zero, and so do the coefficients of each contrast. Contrasts are `NA`
#' where one of their conditions was not measured; deviations also where fewer than three were
#' measured, as they are then the difference once more. Effects are in the units of `Bhat`, also of
#' EZ models.
#'
#' A group of conditions (replicates, subtypes) counts as one condition, whose effect is the mean of
#' the members that were measured.
#'
#' @section What the columns are:
#' For each contrast `x`: `mean_contrast_x` and `se_contrast_x` (posterior mean and standard
#' deviation), `p_contrast_x` (from their ratio as if it were standard normal, which it is not:
#' for comparison with older analyses) and `lfsr_contrast_x`, the probability that the sign of the
#' contrast, once called, is wrong, or that the contrast is zero (raised where few units taught the
#' prior, see [learn_prior()]). Deviations are named
#' `A_deviation`, differences `A_vs_B`, in the order of the conditions.
#'
#' @param data data from [mash_set_data()], regions, files, or a function: as in [mash_posterior()].
#' @param conditions names or numbers of the conditions of the model to compare. Default: all. Those
#'   left out still inform the posterior.
#' @param groups a list of groups, each the names or numbers of its conditions. Its names are those
#'   of the groups; without one a group is called by its members, joined by `+`.
#' @param type which contrasts: `"deviation"`, `"pairwise"` or both.
#' @param exclude conditions to leave out altogether, as in [mash_posterior()].
#' @param folder,n_chunks,V,read,pi_thresh,n_threads,exclude_rule as in [mash_posterior()].
#' @inheritParams shared_arguments
#'
#' @return A data frame of class `posterior_contrast` with a row for each unit, see below. For
#'   regions a list of such, and with a `folder` the files' names, as [mash_posterior()] returns.
#' @seealso [summary.posterior_contrast()] counts and draws them, [feature_score()] sums them up by
#'   gene, [contrast_matrix()] and `A` of [mash_posterior()] for other linear functions.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 30, err_sd = 0.4)
#' colnames(sims$Bhat) <- c("Ast", "Exc", "Inh", "Mic", "Oli")
#' sims$Bhat[7, 2] <- sims$Shat[7, 2] <- NA
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), outputlevel = 1, verbose = FALSE)
#' found <- posterior_contrast(m, data, groups = list(neurons = c("Exc", "Inh")))
#' found[1:3, grep("lfsr.*deviation", names(found))]
#' summary(found)
posterior_contrast <- function(model, data, conditions = NULL, groups = NULL,
                               type = c("deviation", "pairwise"), exclude = NULL, folder = NULL,
                               n_chunks = NULL, V = NULL, read = readRDS, pi_thresh = 1e-10,
                               n_threads = NULL, exclude_rule = c("marginal", "workflow"), ...) {
  take_dots(...)
  if (!length(type)) stop_mnmash("argument", as_typed("type"), " must say which contrasts")
  type <- vapply(type, match_choice, "", choices = c("deviation", "pairwise"), name = "type")
  job <- posterior_job(model, data, exclude, V, pi_thresh, read, exclude_rule)
  job$contrasts <- contrast_plan(job$prior, exclude, conditions, groups, unique(unname(type)))
  run_posterior(job, data, n_chunks, read, n_threads, folder, piece_contrast, bind_contrasts)
}

# What is compared: the conditions of the model behind each item, their names, and the pairs.
contrast_plan <- function(prior, exclude, conditions, groups, type) {
  names <- prior$conditions
  if (is.null(names)) names <- paste0("condition", seq_len(prior$R))
  used <- if (is.null(conditions)) {
    setdiff(seq_len(prior$R), condition_numbers(exclude, prior$conditions, prior$R))
  } else {
    condition_numbers(conditions, prior$conditions, prior$R, "conditions")
  }
  items <- c(grouped_conditions(groups, used, names, prior), list())
  single <- setdiff(used, unlist(items))
  items <- c(items, stats::setNames(as.list(single), names[single]))
  # In the order of the conditions, a group at its first member.
  items <- items[order(vapply(items, min, 0))]
  if (length(items) < 2L) {
    stop_mnmash(
      "argument", as_typed("conditions"), " and `groups` must leave at least 2 to compare"
    )
  }
  twice <- anyDuplicated(names(items))
  if (twice) stop_mnmash("names", "`groups`: \"", names(items)[twice], "\" is a condition's name")
  list(items = items, type = type, pairs = utils::combn(length(items), 2L))
}

grouped_conditions <- function(groups, used, names, prior) {
  if (is.null(groups)) return(list())
  if (!is.list(groups)) stop_mnmash("type", "`groups` must be a list of groups of conditions")
  label <- base::names(groups)
  if (is.null(label)) label <- rep("", length(groups))
  members <- lapply(seq_along(groups), \(i) {
    where <- paste0("groups[[", i, "]]")
    numbers <- condition_numbers(groups[[i]], prior$conditions, prior$R, where)
    other <- setdiff(numbers, used)
    if (length(other) || !length(numbers)) {
      stop_mnmash(
        "argument", "`", where, "` must hold conditions that are compared",
        if (length(other)) paste0(": \"", names[other[1L]], "\" is not")
      )
    }
    numbers
  })
  twice <- anyDuplicated(unlist(members))
  if (twice) {
    stop_mnmash(
      "argument", "`groups`: \"", names[unlist(members)[twice]], "\" is in two groups"
    )
  }
  own <- !nzchar(label) | is.na(label)
  label[own] <- vapply(members[own], \(m) paste(names[m], collapse = "+"), "")
  stats::setNames(members, label)
}

# The contrasts of one data set.
piece_contrast <- function(job, piece, threads) {
  ready <- ready_piece(job, piece)
  data <- ready$data
  if (!is.null(data$L)) {
    stop_mnmash("argument", "the data are differences from a baseline already: compare those")
  }
  plan <- job$contrasts
  items <- lapply(plan$items, \(numbers) which(ready$keep %in% numbers))
  R <- ncol(data$Bhat)
  J <- nrow(data$Bhat)
  seen <- if (is.null(data$missing)) matrix(TRUE, J, R) else !data$missing
  counts <- vapply(items, \(columns) rowSums(seen[, columns, drop = FALSE]), numeric(J))
  counts <- matrix(counts, J, length(items), dimnames = list(NULL, names(items)))
  measured <- counts > 0
  m <- rowSums(measured)
  maps <- contrast_maps(items, plan, R)
  out <- list(mean = NULL, se = NULL, lfsr = NULL)
  out <- lapply(out, \(x) matrix(NA_real_, J, length(maps$names)))
  # The mean of a group's members that were measured; the others do not take part.
  weight <- matrix(0, J, R)
  for (i in seq_along(items)) {
    weight[, items[[i]]] <- seen[, items[[i]]] / pmax(counts[, i], 1)
  }
  rows_at_once <- max(1, floor(2e7 / (8 * length(maps$names))))
  for (size in sort(unique(m[m >= 2]))) {
    all_rows <- which(m == size)
    for (rows in split(all_rows, (seq_along(all_rows) - 1) %/% rows_at_once)) {
      part <- data_rows(data, rows)
      A <- maps$of(size)
      share <- weight[rows, , drop = FALSE]
      alike <- all(share == rep(share[1L, ], each = length(rows)))
      if (alike) A <- A * rep(share[1L, ], each = nrow(A)) else part$weight <- share
      found <- posterior_in_blocks(part, ready$g, job$pi_thresh, FALSE, threads, A = A)
      out$mean[rows, ] <- found$PosteriorMean
      out$se[rows, ] <- found$PosteriorSD
      out$lfsr[rows, ] <- found$lfsr
    }
  }
  unknown <- !maps$known(measured)
  out <- lapply(out, \(x) {
    x[unknown] <- NA
    x
  })
  contrast_frame(out, maps, rownames(data$Bhat))
}

# The contrasts of units with m items as a matrix over conditions, for effects that were multiplied
# by their share in their item; and which of them units with given items have.
contrast_maps <- function(items, plan, R) {
  K <- length(items)
  member <- matrix(0, K, R)
  for (i in seq_len(K)) member[i, items[[i]]] <- 1
  deviation <- "deviation" %in% plan$type
  pairs <- if ("pairwise" %in% plan$type) plan$pairs else plan$pairs[, 0L, drop = FALSE]
  label <- names(items)
  list(
    names = c(
      if (deviation) paste0(label, "_deviation"),
      if (ncol(pairs)) paste0(label[pairs[1L, ]], "_vs_", label[pairs[2L, ]])
    ),
    of = function(m) {
      own <- diag(K)
      rbind(
        if (deviation) (own - (1 - own) / (m - 1)) %*% member,
        member[pairs[1L, ], , drop = FALSE] - member[pairs[2L, ], , drop = FALSE]
      )
    },
    known = function(measured) {
      cbind(
        if (deviation) measured & rowSums(measured) >= 3,
        measured[, pairs[1L, ], drop = FALSE] & measured[, pairs[2L, ], drop = FALSE]
      )
    },
    pairs = matrix(label[pairs], 2L)
  )
}

contrast_frame <- function(out, maps, units) {
  p <- ifelse(out$se > 0, 2 * stats::pnorm(-abs(out$mean / out$se)), 1)
  columns <- list(mean = out$mean, se = out$se, p = p, lfsr = out$lfsr)
  named <- Map(\(x, what) {
    colnames(x) <- paste0(what, "_contrast_", maps$names)
    x
  }, columns, names(columns))
  frame <- as.data.frame(do.call(cbind, unname(named)))
  if (!is.null(units)) {
    # Row names must be distinct.
    rownames(frame) <- if (anyDuplicated(units)) make.unique(units) else units
  }
  structure(
    frame,
    class = c("posterior_contrast", "data.frame"), contrasts = maps$names, pairs = maps$pairs
  )
}

bind_contrasts <- function(parts) {
  if (length(parts) == 1L) return(parts[[1L]])
  whole <- do.call(rbind, unname(lapply(parts, as.data.frame)))
  structure(
    whole,
    class = c("posterior_contrast", "data.frame"), contrasts = attr(parts[[1L]], "contrasts"),
    pairs = attr(parts[[1L]], "pairs")
  )
}

#' @rdname summary.posterior_contrast
#' @export
as.data.frame.posterior_contrast <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  class(x) <- "data.frame"
  attr(x, "contrasts") <- NULL
  attr(x, "pairs") <- NULL
  x
}

check_feature <- function(feature, n, units = NULL) {
  if (is.null(feature)) return(seq_len(n))
  feature <- align_each(feature, units, n, "feature", "unit")
  if (length(feature) != n || anyNA(feature)) {
    stop_mnmash(
      "dimension", "`feature` must name the feature of each of ", n, " units",
      if (length(feature) != n) paste0("; it has ", length(feature))
    )
  }
  as.character(feature)
}

# The two conditions of each difference, 2 x pairs, with the contrasts' names.
contrast_pairs <- function(contrast, names) {
  pairs <- attr(contrast, "pairs")
  if (!is.null(pairs)) {
    colnames(pairs) <- sprintf("%s_vs_%s", pairs[1L, ], pairs[2L, ])
    return(pairs[, colnames(pairs) %in% names, drop = FALSE])
  }
  names <- names[!endsWith(names, "_deviation")]
  parts <- strsplit(names, "_vs_", fixed = TRUE)
  parts <- parts[lengths(parts) == 2L]
  matrix(
    as.character(unlist(parts)), 2L, length(parts),
    dimnames = list(NULL, vapply(parts, paste, "", collapse = "_vs_"))
  )
}

# The columns of one kind, as a matrix with the contrasts' names.
contrast_values <- function(contrast, what, name = "object") {
  start <- paste0(what, "_contrast_")
  columns <- if (is.data.frame(contrast) && length(names(contrast))) {
    names(contrast)[startsWith(names(contrast), start)]
  }
  if (!length(columns)) {
    stop_mnmash(
      "type", as_typed(name), " must come from posterior_contrast(): it has no columns `", start,
      "*`"
    )
  }
  fits <- \(x) is.numeric(x) && length(x) == nrow(contrast)
  wrong <- !vapply(unclass(contrast)[columns], fits, NA)
  if (any(wrong)) {
    stop_mnmash("type", as_typed(name), ": column ", columns[wrong][1L], " must hold numbers")
  }
  values <- as.matrix(as.data.frame.list(unclass(contrast)[columns], optional = TRUE))
  dimnames(values) <- list(NULL, substring(columns, nchar(start) + 1L))
  values
}

# The workflows' level for p-values of millions of units, or a level for local false sign rates.
significance <- function(threshold, by, name) {
  if (is.null(threshold)) return(if (by == "p") 1e-5 else 0.05)
  check_number(threshold, name = name, 0, 1)
}
