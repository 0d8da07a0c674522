file <- extdata("mashr_input.rds")
input <- readRDS(file)
# The sets of the references are small.
quietly <- function(...) {
  suppressWarnings(
    suppressMessages(mixture_prior(..., verbose = FALSE)), classes = "mnmash_warning_few"
  )
}

# The reference's starting matrices as a file.
reference_components <- function(ref, env = parent.frame()) {
  path <- withr::local_tempfile(fileext = ".rds", .local_envir = env)
  saveRDS(ref$output$components, path)
  path
}

test_that("the engine as the workflows run it gives the reference's numbers", {
  for (case in c("pipeline_EE_canonical_pca", "pipeline_EZ_four_components",
                 "pipeline_EZ_XtX_canonical_pca")) {
    ref <- reference_case(case)
    model <- c("EE", "EZ")[ref$input$alpha + 1]
    files <- reference_components(ref)
    for (expected in ref$output$ed) {
      run <- function(...) {
        quietly(input, effect_model = model, V = "simple", component_files = files,
          keep_raw = FALSE, ridge = "mashr", w_source = "engine", missing = "reset1000", ...)
      }
      prior <- run(ed_tol = expected$tol)
      expect_true(prior$converged)
      expect_equal(prior$V, ref$output$V, tolerance = 1e-12)
      expect_equal(tail(prior$loglik, 1), expected$avg_loglik, tolerance = 1e-8)
      # The reference takes one more step once it has seen that the gain is small.
      prior <- suppressWarnings(run(ed_tol = 0, max_iter = prior$n_iter + 1))
      names <- paste0("ED_", names(expected$U))
      expect_setequal(names(prior$w), names)
      expect_equal(unname(prior$w[names]), unname(expected$pi), tolerance = 1e-6)
      for (k in seq_along(names)) {
        target <- expected$U[[k]] + diag(expected$ridge, 8)
        expect_lt(max(abs(prior$U[[names[k]]] - target)), 1e-6 * max(abs(target)))
      }
    }
  }
})

test_that("components made here are the reference's", {
  ref <- reference_case("pipeline_EZ_XtX_canonical_pca")$output$components
  prior <- quietly(input, "none", c("pca", "canonical", "xtx"), "EZ", npc = 2)
  made <- mnmash:::prior_components(
    set_data(read_mash_input(input), "strong", 1), c("xtx", "canonical", "pca"), 2, FALSE, NULL
  )
  made <- do.call(c, unname(made))
  expect_identical(names(made), names(ref))
  expect_equal(lapply(made, unname), lapply(ref, unname), tolerance = 1e-8)
  expect_setequal(names(prior$U), names(ref))
})

test_that("the default prior fits the random set no worse than the reference's", {
  for (case in c("pipeline_EE_canonical_pca", "pipeline_EZ_XtX_canonical_pca",
                 "pipeline_EZ_four_components")) {
    ref <- reference_case(case)
    model <- c("EE", "EZ")[ref$input$alpha + 1]
    prior <- quietly(input, components = ref$input$components, effect_model = model, npc = 2)
    fit <- mash_fit(input, prior, output_level = 1, verbose = FALSE, compute_posterior = FALSE)
    best <- max(vapply(ref$output$fit, `[[`, 0, "loglik"))
    expect_gt(fit$loglik, best - 2e-3)
  }
})

test_that("matrices and weights are one density: that of the fit to the strong set", {
  prior <- quietly(input, "none", c("pca", "canonical"))
  expect_equal(sum(prior$w) + prior$null_weight, 1)
  data <- mash_set_data(input$strong.b, input$strong.s, V = prior$V)
  m <- mash(data, c(cov_pca(data, 5), cov_canonical(data)), verbose = FALSE, outputlevel = 1)
  expect_equal(prior$null_weight, m$fitted_g$pi[["null"]])
  # Second moments are those of the mixture over scales.
  total <- 0
  at <- 1
  for (l in seq_along(m$fitted_g$grid)) {
    for (U in m$fitted_g$Ulist) {
      at <- at + 1
      total <- total + m$fitted_g$pi[[at]] * m$fitted_g$grid[l]^2 * U
    }
  }
  # It learns from data rounded to 1e-8 of the noise.
  expect_equal(unname(Reduce(`+`, Map(`*`, prior$U, prior$w))), unname(total), tolerance = 1e-7)
  expect_identical(names(prior$pi), names(m$fitted_g$pi))
})

test_that("the unit of measurement changes nothing but units, for every engine", {
  measured <- \(input, unit) {
    cells <- grepl("[.][bs]$", names(input))
    input[cells] <- lapply(input[cells], `*`, unit)
    input
  }
  input <- simulate_mash_input(60, 100, 100, 4, seed = 1)
  for (engine in c("ed_bovy", "ud", "ud_ted", "none")) {
    learn <- \(unit) suppressWarnings(quietly(measured(input, unit), engine = engine))
    plain <- learn(1)
    for (unit in c(1e-3, 1000)) {
      other <- learn(unit)
      expect_identical(other$n_iter, plain$n_iter)
      expect_equal(other$w, plain$w, tolerance = 1e-8)
      expect_equal(lapply(other$U, `/`, unit^2), plain$U, tolerance = 1e-8)
      if (engine != "none") {
        expect_equal(other$loglik, plain$loglik - 4 * log(unit), tolerance = 1e-8)
      }
    }
  }
})

test_that("the ridge is in the units of the errors", {
  scaled <- input
  for (name in grep("[bs]$", names(input), value = TRUE)) scaled[[name]] <- 1000 * input[[name]]
  one <- quietly(input, components = "xtx", keep_raw = FALSE)
  two <- quietly(scaled, components = "xtx", keep_raw = FALSE)
  expect_equal(lapply(two$U, `/`, 1e6), one$U, tolerance = 1e-6)
  expect_equal(two$w, one$w, tolerance = 1e-6)
  bare <- suppressWarnings(quietly(input, components = "pca", keep_raw = FALSE,
    w_source = "engine", ridge = "none"))
  with_ridge <- quietly(input, components = "pca", keep_raw = FALSE, w_source = "engine")
  added <- with_ridge$U$ED_PCA_1 - bare$U$ED_PCA_1
  expect_equal(unname(added), diag(unname(apply(input$strong.s, 2, median)^2)) / sqrt(17))
})

test_that("ultimate deconvolution: any effect model, canonical matrices kept", {
  for (engine in c("ud", "ud_ted")) {
    prior <- quietly(input, engine, effect_model = "EE", n_unconstrained = 3, V = "identity",
      max_iter = 200)
    expect_true(all(names(cov_canonical(mash_set_data(input$strong.b))) %in% names(prior$U)))
    expect_equal(sum(prior$w) + prior$null_weight, 1)
    expect_identical(quietly(input, engine, effect_model = "EE", n_unconstrained = 3,
      V = "identity", max_iter = 200), prior)
  }
})

test_that("ultimate deconvolution from components: some turn, others are only scaled", {
  data <- mash_set_data(input$strong.b, input$strong.s, alpha = 1)
  run <- function(...) {
    quietly(input, "ud", c("pca", "canonical"), "EZ", "identity", npc = 2, w_source = "engine",
      keep_raw = FALSE, ...)
  }
  prior <- run(scale_only = "canonical", ud_tol_lik = 1e-3)
  canonical <- cov_canonical(data)
  for (name in intersect(names(prior$U), names(canonical))) {
    ratio <- prior$U[[name]][canonical[[name]] != 0] / canonical[[name]][canonical[[name]] != 0]
    expect_equal(ratio, rep(ratio[1], length(ratio)), tolerance = 1e-8, ignore_attr = TRUE)
  }
  expect_true(all(startsWith(prior$refined, "UD_")))
  expect_setequal(names(prior$U), c(prior$refined, intersect(names(prior$U), names(canonical))))
  # The tolerance is of the log-likelihood of all 17 units.
  same <- run(scale_only = "canonical", ed_tol = 1e-3 / 17)
  expect_identical(same$U, prior$U)
  expect_lt(run(scale_only = "canonical", ud_tol_lik = 1)$n_iter, prior$n_iter)
  # All turn; and the objective is what ud_fit() reaches from there.
  free <- run(scale_only = character(), ud_tol_lik = 1e-3)
  expect_true(all(startsWith(names(free$U), "UD_")))
  start <- c(cov_pca(data, 2), canonical)
  direct <- ud_fit(data, K = 0, Ulist = start, update = "ed", tol = 1e-3 / 17, max_iter = 5000)
  expect_equal(tail(free$loglik, 1), tail(direct$loglik, 1) / 17, tolerance = 1e-8)
  expect_error(quietly(input, scale_only = "pca"), "`scale_only` is for the engines")
  expect_error(run(scale_only = "flash"), "`scale_only`: \"flash\" is not among",
    class = "mnmash_error_argument")
})

test_that("files: V, prior and components, and nothing else", {
  folder <- file.path(withr::local_tempdir(), "out")
  prior <- quietly(file, "none", c("pca", "canonical"), "EZ", "simple", cwd = folder,
    output_prefix = "study", save_components = TRUE)
  expect_setequal(
    list.files(folder, all.files = TRUE, no.. = TRUE),
    paste0("study.", c("EZ.prior", "EZ.V_simple", "pca", "canonical"), ".rds")
  )
  expect_identical(readRDS(file.path(folder, "study.EZ.prior.rds")), prior)
  expect_identical(readRDS(file.path(folder, "study.EZ.V_simple.rds")), prior$V)
  again <- quietly(file, "none", effect_model = "EZ", V = prior$V,
    component_files = file.path(folder, c("study.pca.rds", "study.canonical.rds")))
  expect_identical(again$U, prior$U)
  # V_<method> is written once it is estimated only.
  other <- file.path(folder, "other")
  quietly(file, "none", "pca", V = prior$V, cwd = other)
  expect_identical(list.files(other), "mashr_input.EE.prior.rds")
})

test_that("a column missing everywhere is left out; missing cells do not stop the steps", {
  holes <- input
  set.seed(4)
  for (set in c("strong", "random", "null")) {
    gone <- matrix(runif(length(holes[[paste0(set, ".b")]])) < 0.1, ncol = 8)
    gone[, 3] <- TRUE
    holes[[paste0(set, ".b")]][gone] <- 0
    holes[[paste0(set, ".s")]][gone] <- 1000
  }
  for (model in c("EE", "EZ")) {
    expect_warning(
      prior <- quietly(holes, components = c("pca", "canonical"), effect_model = model,
        ed_tol = 1e-3),
      "condition End is left out", class = "mnmash_warning_missing"
    )
    expect_identical(rownames(prior$U[[1]]), colnames(input$strong.b)[-3])
    fit <- suppressWarnings(mash_fit(holes, prior, verbose = FALSE))
    expect_true(all(is.finite(fit$posterior$PosteriorMean)))
  }
})

test_that("what cannot be done is said", {
  expect_error(mixture_prior(input, components = "flush"), "`components` must be among .*\"flush\"",
    class = "mnmash_error_argument")
  expect_error(mixture_prior(input, w_source = "engine"), "knows the weights of refined .*keep_raw",
    class = "mnmash_error_argument")
  expect_error(mixture_prior(input[grep("^random", names(input))]), "`data` has no `strong` set",
    class = "mnmash_error_missing_entry")
  expect_error(quietly(input, V = diag(3)), "`V` has 3 conditions",
    class = "mnmash_error_dimension")
  other <- withr::local_tempfile(fileext = ".rds")
  saveRDS(list(a = diag(3)), other)
  expect_error(quietly(input, component_files = other), "must be 8 x 8",
    class = "mnmash_error_dimension")
  expect_error(quietly(input, cwd = file.path(other, "below")), "`cwd`: cannot make the folder",
    class = "mnmash_error_file")
})

test_that("every argument is checked before work begins", {
  withr::local_options(mnmash.progress = FALSE)
  refused <- function(..., message) {
    # The data are not there: what is wrong with other arguments is said first.
    expect_error(mixture_prior("no/such/file.rds", ...), message, class = "mnmash_error")
  }
  refused(save_components = "yes", message = "`save_components`")
  refused(remove_singleton = 2, message = "`remove_singleton`")
  refused(ed_tol = -1, message = "`ed_tol`")
  refused(V_max_iter = 0, message = "`V_max_iter`")
  refused(vhat = "smple", message = "`vhat` must be .*not \"smple\"")
  refused(npc = 1.5, message = "`npc`")
  refused(seed = "a", message = "`seed`")
  refused(ud_tol_lik = -1, message = "`ud_tol_lik`")
  refused(n_threads = 0, message = "`n_threads`")
  refused(component_files = "no.rds", message = "`component_files`: there is no file 'no.rds'")
  refused(max_itr = 3, message = "did you mean `max_iter`")
})

test_that("every engine, and the fit, warn of few units", {
  said <- \(expr) {
    found <- character()
    withCallingHandlers(suppressMessages(expr), mnmash_warning_few = \(w) {
      found <<- c(found, conditionMessage(w))
      invokeRestart("muffleWarning")
    })
    found
  }
  input <- simulate_mash_input(10, 30, 20, conditions = 8)
  for (engine in c("learn", "ed_bovy", "ud", "none")) {
    found <- said(prior <- mixture_prior(input, engine = engine, V = "simple", verbose = FALSE))
    expect_match(found, "only 10 strong units for 8 conditions", all = FALSE)
    expect_match(found, "correlation of 8 conditions is estimated from only", all = FALSE)
  }
  expect_match(
    said(mash_fit(input, prior, verbose = FALSE)), "only 30 random units for 8 conditions",
    all = FALSE
  )
})
