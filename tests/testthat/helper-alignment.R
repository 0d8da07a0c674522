# What is tried on the named dimensions of helper-alignment-dimensions.R, and what must come of it.

# Arguments that may be of more than the data: they are reduced to what is needed.
larger_arguments <- c(
  "prior", "V", "vhat", "Ulist", "U", "S0", "g", "LD", "R", "A", "init", "model", "xcovar",
  "U_scaled", "U_fixed", "U_low_rank", "newdata"
)

# A result in an order of its own: everything that has names is sorted by them.
by_name <- function(x) {
  if (is.function(x) || is.environment(x) || is.language(x)) return(NULL)
  if (inherits(x, "ggplot")) return("a picture")
  if (is.data.frame(x)) {
    keys <- unname(lapply(x[vapply(x, \(column) is.character(column) || is.factor(column), NA)],
                          as.character))
    at <- if (.row_names_info(x) > 0L) {
      order(rownames(x))
    } else if (length(keys)) {
      do.call(order, keys)
    }
    if (!is.null(at)) x <- x[at, , drop = FALSE]
    if (.row_names_info(x) < 0L || length(keys)) rownames(x) <- NULL
    return(lapply(as.list(x)[order(names(x))], by_name))
  }
  if (length(dim(x)) >= 1L && is.atomic(x)) {
    for (d in seq_along(dim(x))) {
      own <- dimnames(x)[[d]]
      if (is.null(own) || anyDuplicated(own)) next
      at <- lapply(dim(x), seq_len)
      at[[d]] <- order(own)
      x <- do.call(`[`, c(list(x), at, drop = FALSE))
    }
    return(x)
  }
  if (is.atomic(x)) {
    if (is.factor(x)) x <- as.character(x)
    if (!is.null(names(x)) && !anyDuplicated(names(x))) return(x[order(names(x))])
    # Words without names are names themselves.
    return(if (is.character(x)) sort(unname(x)) else as.vector(x))
  }
  others <- attributes(x)
  others <- others[setdiff(names(others), c("names", "class"))]
  x <- unclass(x)
  attributes(x) <- list(names = names(x))
  x <- x[!names(x) %in% "call"]
  if (!is.null(names(x)) && !anyDuplicated(names(x))) x <- x[order(names(x))]
  c(lapply(x, by_name), lapply(others, by_name))
}

# Places where order is meaning, or names are none, with the reason: `most` is how far a result may
# move (Inf: not tried). "*" stands for anything.
alignment_exceptions <- utils::read.table(
  header = TRUE, sep = "|", strip.white = TRUE, quote = "", comment.char = "", text = "
fun | argument | dimension | what | most | reason
deconvolve | X | columns | order | 1e-2 | updates go in the order of columns
mr_ash | X | columns | order | 1e-2 | updates go in the order of columns
mr_mash | X | columns | order | 1e-1 | updates go in the order of columns
varbvs | X | columns | order | 1e-2 | updates go in the order of columns
pool_weights | regions | gene1$X$columns | order | 1e-5 | updates go in the order of columns
pool_weights | regions | gene2$X$columns | order | 1e-5 | updates go in the order of columns
pool_weights | regions | gene1$X$columns | changed | Inf | regions have variants of their own
pool_weights | regions | gene2$X$columns | changed | Inf | regions have variants of their own
mnm | regions | gene1$X$columns | order | Inf | updates go in the order of columns
mnm | regions | gene1$X$columns | changed | Inf | regions have variants of their own
mnm | regions | * | order | 1e-6 | sums in another order
mnm_regions | regions | gene1$X$columns | order | Inf | updates go in the order of columns
mnm_regions | regions | gene1$X$columns | changed | Inf | regions have variants of their own
mnm_regions | regions | * | order | 1e-6 | sums in another order
mnm_regress | regions | gene1$X$columns | order | Inf | updates go in the order of columns
mnm_regress | regions | gene1$X$columns | changed | Inf | regions have variants of their own
mnm_regress | regions | * | order | 1e-6 | sums in another order
mnm_regions | regions | gene1$Y$columns | changed | Inf | conditions are what the data call them
mash_posterior | data | units | changed | Inf | fits apply to other units
posterior_contrast | data | units | changed | Inf | fits apply to other units
posterior_functional | data | units | changed | Inf | fits apply to other units
simulate.mash | data | units | changed | Inf | fits apply to other units
mash_z_check | data | units | changed | Inf | fits apply to other units
get_posterior_condition_wise_summary | mash_data | units | changed | Inf | fits apply to other units
predict.mr_mash | newdata | rows | changed | Inf | new samples are none of the fit
deconvolve_rss | Bhat | rows | order | 1e-2 | updates go in the order of predictors
mr_ash_rss | Bhat | elements | order | 1e-2 | updates go in the order of predictors
mr_mash_rss | Bhat | rows | order | 1e-2 | updates go in the order of predictors
mixture_weights | * | * | order | 1e-6 | sums in another order
* | prior | elements | order | 1e-6 | sums in another order
finemap | prior | elements | changed | Inf | the fit it starts from may have had another prior
* | data | * | order | 1e-6 | sums in another order
* | mashdata | * | order | 1e-6 | sums in another order
* | x | * | order | 1e-6 | sums in another order
* | ydata | * | order | 1e-6 | sums in another order
* | X | * | order | 1e-6 | sums in another order
* | Y | * | order | 1e-6 | sums in another order
* | y | * | order | 1e-6 | sums in another order
* | Bhat | * | order | 1e-6 | sums in another order
* | Z | * | order | 1e-6 | sums in another order
bmass | Z | columns | order | Inf | models are words whose letters follow the columns
mash_cv | data | units | order | Inf | the units of a fold are drawn by their numbers
feature_score | contrast | rows | order | Inf | the argument unit says what the rows are
feature_score | contrast | rows | changed | Inf | the argument unit says what the rows are
feature_score | genotype | columns | changed | Inf | units without a genotype are left out
mash_fit_chunks | g | conditions | more | Inf | the prior stays one of all its conditions
ud_cv | data | units | order | Inf | the units of a fold are drawn by their numbers
ud_fit | data | units | order | Inf | random starts are drawn from units by their numbers
ud_fit | data | conditions | order | Inf | random starts are drawn condition by condition
posterior_functional | data | units | order | Inf | samples are drawn by the number of the unit
posterior_functional | data | conditions | order | Inf | samples are drawn condition by condition
posterior_functional | A | rows | order | Inf | the caller's function sees this order
mash_input | tables | liver$columns | changed | Inf | the names say what a column is
mash_input | tables | lung$columns | changed | Inf | the names say what a column is
harmonise_alleles | reference | columns | changed | Inf | the names say what a column is
harmonise_alleles | statistics | columns | changed | Inf | the names say what a column is
mash_fit | data | XtX$margins | changed | Inf | the entry is not used
mixture_prior | data | XtX$margins | changed | Inf | the entry is not used
read_mash_input | file | XtX$margins | changed | Inf | the entry is not used
mash_fit | data | null.z$rows | changed | Inf | the entry is not used
mash_fit | data | null.z$columns | changed | Inf | the entry is not used
mash_fit | data | random.z$rows | changed | Inf | the entry is not used
mash_fit | data | random.z$columns | changed | Inf | the entry is not used
mash_fit | data | strong.z$rows | changed | Inf | the entry is not used
mash_fit | data | strong.z$columns | changed | Inf | the entry is not used
mixture_prior | data | null.z$rows | changed | Inf | the entry is not used
mixture_prior | data | null.z$columns | changed | Inf | the entry is not used
mixture_prior | data | random.z$rows | changed | Inf | the entry is not used
mixture_prior | data | random.z$columns | changed | Inf | the entry is not used
mixture_prior | data | strong.z$rows | changed | Inf | the entry is not used
mixture_prior | data | strong.z$columns | changed | Inf | the entry is not used
read_mash_input | file | null.z$rows | changed | Inf | the entry is not used
read_mash_input | file | null.z$columns | changed | Inf | the entry is not used
read_mash_input | file | random.z$rows | changed | Inf | the entry is not used
read_mash_input | file | random.z$columns | changed | Inf | the entry is not used
read_mash_input | file | strong.z$rows | changed | Inf | the entry is not used
read_mash_input | file | strong.z$columns | changed | Inf | the entry is not used
bind_mash_input | inputs | r1$XtX$margins | changed | Inf | the entry is computed anew
bind_mash_input | inputs | r2$XtX$margins | changed | Inf | the entry is computed anew
"
)

# How far the result may move.
allowed_move <- function(try) {
  e <- alignment_exceptions
  same <- function(pattern, value) pattern == "*" | pattern == value
  at <- which(same(e$fun, try$fun) & same(e$argument, try$argument) &
                same(e$dimension, try$dimension) & same(e$what, try$what))
  if (length(at)) max(e$most[at]) else 1e-12
}

# Changes of the valid calls that make a result follow names alone: no draws, units by name.
alignment_changes <- list(
  cov_ed = list(subset = paste0("unit", 1:20)), cov_flash = list(subset = paste0("unit", 1:20)),
  cov_pca = list(subset = paste0("unit", 1:20)), add_ridge = list(subset = paste0("unit", 1:10)),
  ud_fit = list(subset = paste0("unit", 1:20)), cov_tree = list(subset = paste0("unit", 1:20)),
  learn_prior = list(strong = paste0("unit", 1:20)),
  get_n_significant_conditions = list(conditions = c("liver", "lung")),
  get_significant_results = list(conditions = c("liver", "lung")),
  mash_posterior = list(exclude_rule = "marginal"),
  mash = list(posterior_samples = 0), mash_stream = list(n_samples = 0),
  mash_compute_posterior_matrices = list(posterior_samples = 0),
  mash_update_data = list(ref = "liver"), mash_z_check = list(max_units = 100),
  residual_correlation = list(method = "mle"),
  # The workflows' rule is no margin.
  mash_posterior = list(exclude_rule = "marginal"),
  # Far enough that the order of the predictors has lost its say.
  mr_mash_rss = list(max_iter = 500, tol = 1e-10, tol_w0 = 1e-10)
)

# All names in an object that is opaque to named_dimensions().
names_within <- function(x) {
  if (is.function(x) || is.environment(x) || is.language(x)) return(character())
  own <- c(names(x), unlist(dimnames(x)), if (is.character(x)) x)
  if (is.list(x)) own <- c(own, unlist(lapply(unclass(x), names_within)))
  own
}

# All that is tried on one function.
alignment_tries <- function(name, given) {
  found <- lapply(given, named_dimensions)
  tries <- list()
  for (argument in names(given)) {
    for (k in seq_along(found[[argument]])) {
      d <- found[[argument]][[k]]
      if (length(d$names) < 2L) next
      elsewhere <- setdiff(names(found), argument)
      others <- unlist(c(
        lapply(found[elsewhere], \(ds) lapply(ds, `[[`, "names")),
        lapply(given[elsewhere], \(x) if (is.object(x)) names_within(x)),
        lapply(found[[argument]][-k], \(o) if (!startsWith(d$at, "conditions")) o$names)
      ))
      shared <- d$names[1L] %in% others
      n <- length(d$names)
      new <- replace(d$names, 1L, "another_name")
      x <- given[[argument]]
      add <- function(what, changed) {
        arguments <- given
        arguments[argument] <- list(changed)
        tries[[length(tries) + 1L]] <<- list(
          fun = name, argument = argument, dimension = d$at, what = what, arguments = arguments,
          old = d$names[1L]
        )
      }
      add("order", d$reorder(x, c(2:n, 1L)))
      if (shared) add("changed", d$rename(x, new))
      if (shared && !is.null(d$extend) && argument %in% larger_arguments) {
        add("more", d$extend(x))
      }
    }
  }
  tries
}

alignment_call <- function(f, arguments) {
  withr::with_seed(1, {
    utils::capture.output(value <- tryCatch(
      by_name(suppressWarnings(suppressMessages(do.call(f, arguments, quote = TRUE)))),
      error = identity
    ))
    value
  })
}

# A result without what the way to it was, which may be another.
without_paths <- function(x) {
  if (!is.list(x)) return(x)
  paths <- c("trace", "iterations", "n_iter", "near", "statistics", "scale", "gap", "kkt", "rows",
             "mu1_change")
  lapply(x[setdiff(seq_along(x), which(names(x) %in% paths))], without_paths)
}

# "" if all is well, else what is wrong.
alignment_outcome <- function(try, f, expected, tolerance = allowed_move(try)) {
  found <- alignment_call(f, try$arguments)
  if (try$what == "changed") {
    if (!inherits(found, "error")) return("is taken")
    message <- conditionMessage(found)
    if (!inherits(found, "mnmash_error_names")) return(paste("other error:", message))
    if (!grepl("another_name", message, fixed = TRUE) && !grepl(try$old, message, fixed = TRUE)) {
      return(paste("name not listed:", message))
    }
    return("")
  }
  if (inherits(found, "error")) return(paste("error:", conditionMessage(found)))
  if (tolerance > 1e-12) {
    found <- without_paths(found)
    expected <- without_paths(expected)
  }
  same <- all.equal(found, expected, tolerance = tolerance)
  if (isTRUE(same)) "" else paste("differs:", paste(utils::head(same, 2L), collapse = "; "))
}

# What the tests of names and of dots know to fail, one a line. A line that has come right fails the
# test: it is to be taken out.
known_failures <- function(of) {
  file <- test_path(paste0("known-", of, ".txt"))
  if (file.exists(file)) readLines(file) else character()
}
