# What the steps of the pipeline are given: effect model, residual correlation and prior, as
# objects or as files.

effect_alpha <- function(effect_model) {
  c(EE = 0, EZ = 1)[[match_choice(effect_model, c("EE", "EZ"))]]
}

# Names of methods as the workflows spell them.
vhat_methods <- c(
  identity = "identity", simple = "simple", corrected = "corrected", mle = "mle",
  corshrink = "corshrink", simple_specific = "simple_specific",
  vhat_identity = "identity", vhat_simple = "simple", vhat_mle = "mle",
  vhat_corshrink_xcondition = "corshrink", vhat_simple_specific = "simple_specific"
)

# As it is called in the names of files.
vhat_label <- function(method) paste0("V_", sub("^vhat_(identity|simple|mle)$", "\\1", method))

# V as a matrix, or an array with a matrix for each unit: given, from a file, or by a method from
# the set of units that suits it.
resolve_vhat <- function(V, input, alpha, ...) {
  conditions <- colnames(input[[1L]])
  if (is.null(V)) V <- attr(input, "V")
  if (is.null(V)) return(default_vhat(input, alpha, ...))
  if (is_vhat_method(V)) return(estimate_vhat(input, vhat_methods[[V]], alpha, ...))
  if (is_file_name(V)) {
    given <- read_rds(V, "V")
    return(from_file("V", V, usable_vhat(given, conditions)))
  }
  usable_vhat(V, conditions)
}

# The corrected estimate of random units, or of null ones; independent errors where there are few.
default_vhat <- function(input, alpha, ...) {
  there <- \(set) length(input[[paste0(set, ".b")]]) > 0
  if (!there("random") && there("null")) {
    input[c("random.b", "random.s")] <- input[c("null.b", "null.s")]
  }
  found <- if (there("random")) {
    tryCatch(
      estimate_vhat(input, "corrected", alpha, ...), mnmash_error_too_few = \(e) NULL
    )
  }
  if (!is.null(found)) return(found)
  warn_mnmash(
    "few", "there are too few random or null units to estimate the residual correlation: errors ",
    "are taken as independent; give ", as_typed("V")
  )
  estimate_vhat(input, "identity", alpha)
}

# Whether V is to be estimated; an error if it can be neither a method nor the name of a file.
is_vhat_method <- function(V) {
  if (!is_file_name(V)) return(FALSE)
  if (V %in% names(vhat_methods)) return(TRUE)
  if (!file.exists(V) && !grepl("[./\\\\]", V)) {
    stop_mnmash(
      "argument", as_typed("V"), " must be a matrix, the name of a file, or one of ",
      paste0('"', unique(vhat_methods), '"', collapse = ", "), "; not \"", V, "\""
    )
  }
  FALSE
}

# Null units say what errors have in common; maximum likelihood and the corrected estimate take
# units as they come.
estimate_vhat <- function(input, method, alpha, Ulist = NULL, n_subset = 6000, max_iter = 6,
                          seed = 999, n_threads = NULL) {
  conditions <- colnames(input[[1L]])
  if (method == "identity") {
    V <- diag(length(conditions))
    dimnames(V) <- list(conditions, conditions)
    return(V)
  }
  set <- if (method %in% c("mle", "corrected")) "random" else "null"
  file <- attr(input, "file")
  if (identical(nrow(input[[paste0(set, ".b")]]), 0L)) {
    from_file("data", file, stop_few_rows(set, method, 0))
  }
  data <- set_data(input, set, alpha)
  V <- from_file("data", file, with_seed(seed, tryCatch(
    switch(method,
      corrected = residual_correlation(data, "corrected", n_threads = n_threads),
      mle = residual_correlation(
        data, "mle", Ulist = Ulist, n_subset = n_subset, max_iter = max_iter, n_threads = n_threads
      ),
      residual_correlation(data, method, n_threads = n_threads)
    ),
    mnmash_error_too_few = \(e) stop_few_rows(set, method, nrow(data$Bhat))
  )))
  if (set == "null") warn_few_units(nrow(data$Bhat), set, length(conditions))
  V
}

stop_few_rows <- function(set, method, n) {
  stop_mnmash(
    "too_few", as_typed("data"), ": not enough ", set, " rows for ", as_typed("V"), " = \"", method,
    "\": the `", set, "` set has ", n, ", and conditions must share at least as many usable ones",
    if (method == "simple") " (all |z| < 2)", " as there are conditions; give more, or another ",
    "method, such as ",
    if (set == "null") "\"corrected\" or \"mle\" (which use the `random` set), or ", "\"identity\""
  )
}

# A prior as an object or a file, for the conditions of the data. Its own units are those of the
# fit.
resolve_prior <- function(prior, conditions, name = "prior") {
  if (is_file_name(prior)) {
    file <- prior
    prior <- read_rds(file, name)
    return(from_file(name, file, resolve_prior(prior, conditions, name)))
  }
  refuse_input(prior, name)
  # Weights are estimated anew: that there are none is no news.
  prior <- withCallingHandlers(
    prior_of(prior, name = name),
    message = \(m) if (grepl("no weights", conditionMessage(m))) invokeRestart("muffleMessage")
  )
  prior <- prior_for(prior, conditions, length(conditions), name = name, product = TRUE)
  prior$U <- lapply(prior$U, name_margins, conditions)
  prior
}
