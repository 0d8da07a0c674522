# A prior restricted to some of its conditions, and the columns of data that go with it.

# The prior of the effects in the conditions `keep`: exact, as a normal distribution's margins are
# blocks of its covariance. Matrices that are zero there become part of the null.
marginal_prior <- function(g, keep) {
  if (identical(keep, seq_len(nrow(g$Ulist[[1L]])))) return(g)
  U <- lapply(g$Ulist, \(u) u[keep, keep, drop = FALSE])
  zero <- vapply(U, \(u) all(u == 0), NA)
  pi <- as.double(g$pi)
  null <- if (g$usepointmass) pi[1L] else 0
  if (g$usepointmass) pi <- pi[-1L]
  pi <- matrix(pi, length(U))
  null <- null + sum(pi[zero, ])
  pi[zero, ] <- 0
  # A prior needs a matrix, be it one without weight.
  if (all(zero)) zero[1L] <- FALSE
  pointmass <- g$usepointmass || null > 0
  g[c("Ulist", "usepointmass")] <- list(U[!zero], pointmass)
  g$product <- product_margin(g$product, keep)
  g$pi <- c(if (pointmass) null, pi[!zero, ])
  names(g$pi) <- component_names(g$Ulist, g$grid, g$usepointmass)
  g
}

# What the mixture-prior workflows take for the prior of the conditions `keep`. Matrices called by a
# condition become that condition's alone, "identity" becomes the first condition's, matrices
# without names are cut to their leading block, and all weights go in whose name has the name of a
# condition that was left out.
workflow_prior <- function(g, keep, conditions, nameless) {
  R <- length(keep)
  if (R == nrow(g$Ulist[[1L]])) return(marginal_prior(g, keep))
  if (is.null(conditions)) {
    stop_mnmash(
      "names", "`exclude_rule = \"workflow\"` goes by the names of conditions, and the model has ",
      "none"
    )
  }
  kept <- conditions[keep]
  left_out <- conditions[-keep]
  U <- g$Ulist[!names(g$Ulist) %in% c(left_out, paste0("ED_", left_out))]
  alone <- \(r) diag(as.double(seq_len(R) == r), R)
  cut <- lapply(stats::setNames(nm = names(U)), \(name) {
    if (name %in% kept) return(alone(match(name, kept)))
    if (name == "identity") return(alone(1L))
    u <- U[[name]]
    block <- if (name %in% nameless) seq_len(R) else keep
    u[block, block, drop = FALSE]
  })
  pi <- g$pi
  names(pi) <- component_names(g$Ulist, g$grid, g$usepointmass)
  for (name in left_out) pi <- pi[!grepl(name, names(pi), fixed = TRUE)]
  wanted <- if (length(cut)) component_names(cut, g$grid, g$usepointmass)
  if (!length(wanted) || !identical(names(pi), wanted)) {
    stop_mnmash(
      "argument", "`exclude_rule = \"workflow\"` takes weights out by parts of names, here also ",
      "those of matrices that stay, such as \"", setdiff(wanted, names(pi))[1L],
      "\": use \"marginal\""
    )
  }
  product <- product_margin(g$product, keep)
  total <- sum(pi)
  if (total > 0) pi <- pi / total * (1 - (product$weight %||% 0))
  c(
    list(pi = pi, Ulist = cut, grid = g$grid, usepointmass = g$usepointmass),
    if (!is.null(product)) list(product = product), g["lfsr_map"]
  )
}

# What a user gives as a fitted prior: a fit, what mash() calls fitted_g, or anything that
# as_prior() takes. As list(g = the prior in the layout of mash(), conditions, alpha, units, R,
# nameless = the matrices that came without names of conditions); conditions, alpha and units are
# NULL where they are not known.
model_prior <- function(model, name = "model", weights = TRUE) {
  if (inherits(model, "mash") || is.list(model) && !is.null(model[["fitted_g"]])) {
    if (is.null(model$fitted_g)) {
      stop_mnmash("type", as_typed(name), " is data: give a fit of mash() or a prior")
    }
    model <- known_as(list(x = name), fit_prior(model))
  } else if (is.object(model)) {
    model <- known_as(list(x = name), as_mashr(model))
  }
  if (!is.list(model) || !is.list(model[["Ulist"]]) || !length(model[["Ulist"]])) {
    stop_mnmash("type", as_typed(name), " must be a fit of mash(), its `fitted_g`, or a prior")
  }
  R <- NROW(model$Ulist[[1L]])
  g <- check_prior(model, R, weights, name)
  nameless <- names(g$Ulist)[vapply(g$Ulist, \(U) is.null(dimnames(U)), NA)]
  g$Ulist <- name_conditions(g$Ulist)
  if (is.null(g$units)) g$units <- known_units(g$alpha)
  list(
    g = g, conditions = colnames(g$Ulist[[1L]]), alpha = g$alpha, units = g$units, R = R,
    nameless = nameless
  )
}

# Conditions as their numbers among the R of the model.
condition_numbers <- function(which, conditions, R, name = "exclude") {
  if (is.null(which)) return(integer())
  if (!(is.numeric(which) || is.character(which) || is.logical(which))) {
    stop_mnmash("type", as_typed(name), " must be numbers or names, not ", class(which)[1L])
  }
  if (is.logical(which) && length(which) == R) which <- base::which(which)
  numbers <- if (is.character(which)) {
    if (is.null(conditions)) {
      stop_mnmash(
        "names", as_typed(name),
        " has names, but neither the model nor the data name the conditions"
      )
    }
    match(which, conditions)
  } else {
    which
  }
  bad <- base::which(is.na(numbers) | !numbers %in% seq_len(R))
  if (length(bad)) {
    stop_mnmash(
      if (is.character(which)) "names" else "argument", as_typed(name),
      " must name conditions of the model (",
      if (is.null(conditions)) paste("1 to", R) else first_few(conditions), "): \"",
      which[bad[1L]], "\" is none",
      and_more(length(bad))
    )
  }
  unique(as.integer(numbers))
}

# Which columns of the data to use, and the conditions of the model they are.
matched_conditions <- function(prior, own, width, exclude) {
  conditions <- prior$conditions
  if (!is.null(own) && !is.null(conditions)) {
    excluded <- condition_numbers(exclude, conditions, prior$R)
    number <- align_to(conditions, own, "model", "condition", more = "silent")
    columns <- which(!number %in% excluded)
    keep <- number[columns]
  } else {
    names <- if (is.null(conditions) && width == prior$R) own else conditions
    excluded <- condition_numbers(exclude, names, prior$R)
    keep <- setdiff(seq_len(prior$R), excluded)
    columns <- if (width == prior$R) keep else seq_len(width)
  }
  if (!length(keep)) stop_mnmash("argument", "`exclude` leaves no condition")
  if (length(columns) != length(keep)) {
    stop_mnmash(
      "dimension", "the data have ", width, " conditions, but the model has ", prior$R,
      ": without names they cannot be told apart"
    )
  }
  list(columns = columns, keep = keep)
}

# Data of some conditions.
data_columns <- function(data, columns) {
  if (identical(columns, seq_len(ncol(data$Bhat)))) return(data)
  if (!is.null(data$L)) {
    stop_mnmash("argument", "conditions of differences from a baseline cannot be left out")
  }
  for (what in c("Bhat", "Shat", "Shat_alpha", "missing")) {
    if (!is.null(data[[what]])) data[[what]] <- data[[what]][, columns, drop = FALSE]
  }
  data$V <- if (length(dim(data$V)) == 3L) {
    data$V[columns, columns, , drop = FALSE]
  } else {
    data$V[columns, columns, drop = FALSE]
  }
  if (!is.null(data$missing)) {
    check_some_observed(
      rowSums(data$missing) == ncol(data$missing), "row", rownames(data$Bhat)
    )
  }
  data
}
