# What R gives to Rust: a list with a field missing, unknown, of another type or length, or a word
# that nobody knows, is an error that names it. Each function has a small call that is right, or one
# for each form of the data.

face_calls <- function() {
  set.seed(1)
  x <- matrix(rnorm(8), 4)
  eye <- diag(2)
  measurements <- list(x = x, s = abs(x) + 1, missing = NULL, V = NULL, baseline = NULL)
  U <- list(a = eye, b = matrix(1, 2, 2))
  prior <- core_prior(U, grid = c(0.5, 1), weights = rep(0.2, 5), null = TRUE)
  beside <- core_prior(
    U, grid = c(0.5, 1), weights = rep(0.1, 5), null = TRUE,
    product = list(weight = 0.5, grid = c(0, 2), pi = matrix(0.5, 2, 2))
  )
  ed <- list(
    U = unname(U), pi = c(0.5, 0.5), means = NULL, fixed_pi = c(FALSE, FALSE),
    fixed_means = c(TRUE, TRUE), fixed_U = c(FALSE, FALSE)
  )
  ed_control <- list(tol = 1e-3, max_iter = 2, w = 0, row_weights = NULL)
  X <- matrix(rnorm(40), 20)
  Y <- X + rnorm(40)
  space <- matrix(1 / sqrt(20), 20)
  predictors <- core_predictors(list(x = X, n = 20), space)
  scaled <- core_prior(U["a"], scales = list(c(0.5, 1)), weights = c(0.5, 0.5))
  place <- core_prior(U, grid = 1, weights = c(0.5, 0.5))
  known <- core_noise("known", eye)
  sweeps <- list(tol = 1e-3, max_iter = 3)
  finemap <- list(
    place = c(0.5, 0.5), L = 1, rule = "optim", scale = 1, entry = 0.1, update = "direct",
    hold_residual = FALSE, refine = "test", background = 1e-8, starts = list(), tol = 1e-3,
    max_iter = 3, mass = 0.99, most = 10, intercept = FALSE, standardize = FALSE,
    memory = 1e9, slack = c(20, 0.02), sums = c(20, 20)
  )
  near <- list(
    x = matrix(1:4 / 2, 2), s = 1 + 0 * eye, V = eye, weights = matrix(0.5, 2, 2), scale = 0.5
  )
  loci <- list(starts = c(0, 2, 4), annotations = matrix(1, 4), penalty = 1)
  range <- list(pi = c(0.1, 0.5), tau = c(0.1, 10))
  limits <- list(factor = 0.5, lfsr_thresh = 0.05)
  moments <- list(n = matrix(20, 2, 2), cov = diag(0.5, 2), var = matrix(0.5, 2, 2))
  samples <- array(rnorm(16), c(4, 2, 2))
  list(
    reason = list(stop = "stalled"),
    loglik = list(measurements = measurements, prior = prior),
    mash = list(
      measurements = measurements, prior = prior,
      fit = c(sweeps, list(penalty = rep(1, 5), memory = 1e9)),
      task = list(
        threshold = 0, moments = TRUE, covariance = TRUE, scale = matrix(1, 4, 2),
        A = matrix(1, 1, 2)
      ),
      draw = list(n = 2, seed = 1, first = 1)
    ),
    "mash with weights" = list(
      measurements = measurements, prior = prior, fit = NULL,
      task = list(threshold = 0, moments = FALSE, covariance = FALSE, scale = NULL, A = NULL),
      draw = NULL
    ),
    "mash with a product" = list(
      measurements = measurements, prior = beside,
      fit = c(sweeps, list(penalty = rep(1, 6), memory = 1e9)),
      task = list(
        threshold = 0, moments = TRUE, covariance = TRUE, scale = matrix(1, 4, 2),
        A = matrix(1, 1, 2)
      ),
      draw = list(n = 2, seed = 1, first = 1)
    ),
    product_weights = list(
      measurements = measurements,
      control = list(variances = c(0, 4), row_weights = c(1, 1, 0.5, 0), null_weight = 10)
    ),
    product_loglik = list(
      measurements = measurements,
      product = list(variances = c(0, 4), weights = matrix(0.5, 2, 2))
    ),
    weight_sums = list(
      measurements = measurements, prior = prior,
      point = list(x = rep(0.2, 5), columns = c(1, 2), floor = 0.1)
    ),
    error_moment = list(
      measurements = measurements, prior = prior,
      task = list(active = c(1, 3), weights = matrix(0.5, 4, 2))
    ),
    random_effects = list(
      estimates = list(y = c(1, 2), v = c(1, 1)), control = list(method = "moments")
    ),
    pairwise_moments = list(cells = list(z = x, inside = matrix(1, 4, 2))),
    untruncated = list(moments = moments, control = list(t = 2, unit = TRUE)),
    shrunken_correlation = list(
      moments = moments, control = list(fewest = 3, nullweight = 10)
    ),
    nearest_correlation = list(v = eye, control = list(smallest = 1e-3)),
    repair_correlation = list(v = eye, control = list(smallest = 1e-3)),
    v_step = list(v = eye, moment = 2 * eye, control = list(share = 0.5, unit = TRUE)),
    mixture_weights_by_passes = list(
      start = c(0.5, 0.5), control = c(sweeps, list(penalty = c(1, 1))),
      sums = \(point) {
        m <- length(point$columns)
        list(value = 0, g = c(4, 4), hessian = diag(4, m), cover = c(0, 0), rows = 4)
      }
    ),
    mixture_weights = list(
      loglik = matrix(-1:-6 + 0, 3),
      control = c(sweeps, list(penalty = c(1, 1), start = NULL, row_weights = NULL, method = "em"))
    ),
    pairwise_sharing = list(posterior = list(mean = x, lfsr = abs(x) / 9), control = limits),
    sampled_sharing = list(
      posterior = list(samples = samples, lfsr = abs(x) / 9), control = limits
    ),
    ed = list(measurements = measurements, start = ed, control = ed_control),
    deconvolved = list(
      predictors = predictors, responses = core_responses(Y), noise = known, start = eye
    ),
    ed_projected = list(
      measurements = list(x = x, variances = x^2, covariances = NULL, map = eye, effects = 2),
      start = ed, control = ed_control
    ),
    ud_fit = list(
      measurements = measurements,
      components = list(one = list(kind = "low rank", rank = 1, U = NULL)), weights = 1,
      control = c(sweeps, list(
        update = "ted", penalty = "none", lambda = 0, alpha = 0.5, warmup = 0, starts = 1,
        trial = 0, seed = 1, estimate_V = FALSE, estimate_w = TRUE, scale = NULL
      ))
    ),
    ud_shrunk = list(
      measurements = measurements, start = list(U = unname(U), pi = c(0.5, 0.5)),
      control = list(lambda = 2, iterations = 2)
    ),
    factorise = list(
      measurements = list(x = x, s = NULL),
      control = list(
        estimate = TRUE, nonneg = FALSE, max_factors = 1, greedy = sweeps, backfit = sweeps
      )
    ),
    mr_ash = list(
      predictors = core_products(cor(X), 20, norms = c(1, 2)),
      responses = core_responses(crossprod(X, Y), colSums(Y^2)),
      prior = core_scalars(matrix(c(0, 1), 2, 2), matrix(0.5, 2, 2)),
      noise = core_variances(FALSE, c(1, 1)), start = NULL,
      control = c(sweeps, list(
        order = 1:2, update_pi = "em", standardize = FALSE, penalty = NULL, slack = c(20, 0.02)
      ))
    ),
    "mr_ash of samples" = list(
      predictors = predictors, responses = core_responses(Y),
      prior = core_scalars(matrix(c(0, 1), 2, 2), matrix(0.5, 2, 2), FALSE, c(1, 10)),
      noise = core_variances(TRUE, c(1, 1)), start = matrix(0, 2, 2),
      control = c(sweeps, list(
        order = 1:2, update_pi = "convex", standardize = TRUE, penalty = c(10, 1), slack = NULL
      ))
    ),
    "mr_mash of products" = list(
      predictors = core_products(crossprod(X), 20),
      responses = core_responses(crossprod(X, Y), crossprod(Y)), prior = scaled, noise = known,
      start = matrix(0, 2, 2), control = c(sweeps, list(
        update = "em", penalty = c(1, 1), threshold = 0, tol_weights = 1e-3, order = 1:2,
        standardize = FALSE, slack = c(20, 0.02)
      ))
    ),
    logistic = list(
      predictors = predictors, responses = core_responses(matrix(c(0, 1), 20)),
      prior = core_scalars(matrix(c(0, 1)), matrix(c(0.5, 0.5))), start = NULL,
      control = c(sweeps, list(order = 1:2))
    ),
    mr_mash = list(
      predictors = predictors, responses = core_responses(Y), prior = scaled,
      noise = known, start = NULL, control = c(sweeps, list(
        update = "em", penalty = c(1, 1), threshold = 0, tol_weights = 1e-3, order = 1:2,
        standardize = FALSE, slack = NULL
      ))
    ),
    mnm_regress = list(
      regions = list(one = list(
        predictors = predictors, packed = NULL, responses = core_responses(Y),
        start = list(B = NULL, V = NULL, level = NULL)
      )),
      prior = core_prior(
        U["a"], scales = list(c(0.5, 1)), weights = c(0.9, 0.05, 0.05), null = TRUE
      ),
      noise = core_noise("full"), size = 2,
      control = c(sweeps, list(
        threshold = 1, posterior = TRUE, restart = list(weights = c(0.8, 0.1, 0.1), sweeps = 2)
      ))
    ),
    mr_mash_log_bf = list(
      predictors = predictors, responses = core_responses(Y), prior = scaled, noise = known,
      control = list(standardize = FALSE)
    ),
    mr_mash_posterior = list(
      rows = list(statistics = x, precision = rep(1, 4)), prior = scaled, noise = known,
      task = list(covariance = TRUE)
    ),
    finemap = list(
      predictors = core_products(crossprod(X), 20, roots = c(1, 1)),
      responses = core_responses(crossprod(X, Y), crossprod(Y)), noise = known, prior = place,
      control = finemap
    ),
    "finemap of samples" = list(
      predictors = core_predictors(X), responses = core_responses(Y), noise = known, prior = place,
      control = c(
        utils::modifyList(finemap, list(intercept = TRUE, standardize = TRUE, slack = NULL)),
        list(slack = NULL)
      )
    ),
    credible_sets = list(alpha = matrix(0.5, 1, 2), control = list(coverage = 0.95)),
    purity = list(correlation = eye),
    effect_absence = list(evidence = list(log_bayes = c(1, 0), live = c(TRUE, FALSE))),
    set_errors = list(
      effects = list(one = list(
        variable = 1:2, alpha = c(0.6, 0.4), not_positive = 0.3 * eye, not_negative = 1 - 0.2 * eye,
        near = c(near, list(variable = 1:2))
      )),
      sets = list(one = list(effect = 1, variables = 1L, with_lead = c(1, -0.5))),
      evidence = list(log_bayes = c(1, 0), live = c(TRUE, FALSE)), prior = place,
      control = list(variables = 2, conditions = 2)
    ),
    set_sharing = list(
      places = c(near, list(variable = 1:2, probability = c(0.5, 0.3), unit = 1 + eye)),
      prior = place, control = list(conditions = 2, factor = 0.5)
    ),
    asymmetry = list(x = eye),
    repair_ld = list(x = eye, control = list(slack = 0)),
    qc = list(statistics = list(z = x[1:2, ], LD = eye)),
    enrich_single = list(
      loci = loci, evidence = list(log_bf = c(1, 0, 0, 2)),
      control = c(sweeps, list(start = -1, level = NULL))
    ),
    enrich_places = list(
      loci = loci, evidence = list(weight = rep(0.5, 4)), control = list(start = -1)
    ),
    association = list(
      statistics = list(z = x, V = eye, n = rep(100, 4), variance = rep(1, 4)),
      models = rbind(c("U", "U"), c("D", "I")), scales = c(0.1, 0.2)
    ),
    associate = list(
      statistics = list(z = x, V = eye, n = rep(100, 4), variance = rep(1, 4)),
      models = rbind(c("U", "U"), c("D", "I")), scales = c(0.1, 0.2), weights = matrix(0.25, 2, 2)
    ),
    associate_factors = list(
      log_bf = array(0, c(2, 4, 2)), models = rbind(c("U", "U"), c("D", "I")),
      weights = matrix(0.25, 2, 2)
    ),
    fqtl = list(
      predictors = core_predictors(X),
      responses = list(
        y = Y, offset = NULL, weights = NULL, covariates = space, precision = 1, masks = list(1, 2)
      ),
      family = list(
        name = "gaussian", covariates = space, low = c(0.1, 0.1), high = c(9, 9), start = c(1, 1),
        size = NULL, base = NULL
      ),
      prior = list(
        u_prior = "spike_slab", direct_prior = "spike_slab", L = 1, nonneg = FALSE, left = range,
        right = range, direct = range
      ),
      control = list(K = 1, n_seeds = 1, max_iter = 2, tol = 1e-3, seed = NULL)
    )
  )
}

# All fields of lists with names, however deep, as paths; and what is said of the field.
face_fields <- function(x, path) {
  if (!is.list(x)) return(list())
  names <- if (is.null(names(x))) seq_along(x) else names(x)
  unlist(lapply(names, \(name) {
    c(if (is.character(name)) list(c(path, name)), face_fields(x[[name]], c(path, name)))
  }), recursive = FALSE)
}

said_by <- function(f, arguments) {
  error <- tryCatch(
    {
      do.call(call_core, c(list(f), arguments), quote = TRUE)
      NULL
    },
    error = identity
  )
  if (is.null(error)) return("nothing")
  expect_s3_class(error, "mnmash_error")
  conditionMessage(error)
}

with_field <- function(x, path, value) {
  if (length(path) > 1L) value <- with_field(x[[path[1L]]], path[-1L], value)
  x[path[1L]] <- list(value)
  x
}

without_field <- function(x, path) {
  if (length(path) == 1L) return(x[setdiff(names(x), path)])
  with_field(x, path[1L], without_field(x[[path[1L]]], path[-1L]))
}

calls <- face_calls()

test_that("every function of Rust that takes lists is called here", {
  all <- sub("^rust_", "", grep("^rust_", ls(asNamespace("mnmash")), value = TRUE))
  expect_setequal(sub(" .*", "", names(calls)), setdiff(all, c("cores", "flush_file")))
})

for (case in names(calls)) {
  call <- calls[[case]]
  f <- sub(" .*", "", case)
  # Elements of lists of matrices and of components have names, but are no fields.
  paths <- unlist(lapply(names(call), \(a) face_fields(call[[a]], a)), recursive = FALSE)
  paths <- Filter(\(path) !"U" %in% path[-length(path)] && !identical(path[-1L], "one"), paths)
  last <- \(path) path[length(path)]

  test_that(paste(case, "takes what it should, and says which field is missing or unknown"), {
    expect_identical(said_by(f, call), "nothing")
    for (path in paths) {
      found <- said_by(f, without_field(call, path))
      expect_match(found, paste0("$", last(path), " is missing"), fixed = TRUE)
    }
    lists <- c(
      as.list(setdiff(
        names(call)[vapply(call, \(x) {
          is.list(x) && !is.null(names(x)) && !identical(names(x), "one")
        }, NA)], "components"
      )),
      Filter(\(path) is.list(call[[path]]) && !is.null(names(call[[path]])) && last(path) != "U",
             paths)
    )
    for (path in lists) {
      found <- said_by(f, with_field(call, c(path, "surplus"), 1))
      expect_match(found, paste0(last(path), ".* has an unknown field \"surplus\""))
    }
  })

  test_that(paste(case, "names the field that has another type or length"), {
    whole <- as.list(setdiff(names(call), names(Filter(is.list, call))))
    for (path in c(paths, whole)) {
      what <- if (length(path) > 1L) paste0("$", last(path)) else last(path)
      expect_match(said_by(f, with_field(call, path, quote(a + b))), what, fixed = TRUE)
      value <- call[[path]]
      if (is.numeric(value) && (length(value) > 1L || !is.null(dim(value)))) {
        found <- said_by(f, with_field(call, path, rep(value, 3L)))
        if (!identical(found, "nothing")) expect_match(found, "\\$|must be")
      }
      if (is.character(value) && last(path) != "name") {
        value[] <- "nonsense"
        found <- said_by(f, with_field(call, path, value))
        expect_match(found, "must be (one|a matrix) of")
        expect_match(found, what, fixed = TRUE)
      }
      if (is.logical(value)) {
        value[1L] <- NA
        expect_match(said_by(f, with_field(call, path, value)), what, fixed = TRUE)
      }
    }
  })
}

test_that("run is read as all lists are", {
  arguments <- c(calls$loglik, list(run = list(n_threads = 1L)))
  rust <- asNamespace("mnmash")$rust_loglik
  said <- \(run) {
    arguments["run"] <- list(run)
    tryCatch(from_rust(do.call(rust, arguments)), error = conditionMessage)
  }
  expect_true(is.matrix(said(arguments$run)))
  expect_match(said(list(threads = 2)), "run$n_threads is missing", fixed = TRUE)
  expect_match(said(list(n_threads = 1.5)), "run$n_threads must be", fixed = TRUE)
  expect_match(said(list(n_threads = 1, progress = 3)), "unknown field \"progress\"")
  expect_match(said(NULL), "run must be a list; it is NULL")
})
