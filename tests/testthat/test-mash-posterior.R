# A prior with singletons, a null, and every kind of matrix; data with names.
posterior_case <- function(alpha = 0, missing = 0, R = 5, J = 60, pointmass = TRUE) {
  data <- random_data(R, J, missing, alpha, correlated(R), seed = 3)
  conditions <- letters[seq_len(R)]
  for (what in c("Bhat", "Shat", "Shat_alpha")) {
    dimnames(data[[what]]) <- list(paste0("unit", seq_len(J)), conditions)
  }
  U <- c(small_prior(R), list(second = diag(as.double(seq_len(R) == 2))))
  set.seed(4)
  pi <- runif(pointmass + 2 * length(U))
  g <- list(pi = pi / sum(pi), Ulist = U, grid = c(0.5, 2), usepointmass = pointmass)
  m <- structure(list(fitted_g = g, alpha = alpha), class = "mash")
  list(m = m, g = g, data = data, conditions = conditions)
}

# Leaving out is not having measured: dense algebra with the rows and columns of `keep` alone.
margin_by_hand <- function(case, keep) {
  components <- slow_components(case$g$Ulist, case$g$grid, case$g$usepointmass)
  data <- case$data
  for (what in c("Bhat", "Shat", "Shat_alpha", "missing")) {
    if (!is.null(data[[what]])) data[[what]] <- data[[what]][, keep, drop = FALSE]
  }
  data$V <- data$V[keep, keep, drop = FALSE]
  slow_posterior(data, lapply(components, \(U) U[keep, keep, drop = FALSE]), case$g$pi)
}

test_that("leaving conditions out equals exact marginalisation", {
  for (alpha in 0:1) {
    for (pointmass in c(TRUE, FALSE)) {
      case <- posterior_case(alpha, pointmass = pointmass)
      for (out in list("b", c("a", "d"), c("a", "b", "c", "e"))) {
        keep <- which(!case$conditions %in% out)
        found <- mash_posterior(case$m, case$data, exclude = out)
        slow <- margin_by_hand(case, keep)
        expect_identical(colnames(found$lfsr), case$conditions[keep])
        expect_lt(relative_difference(found$PosteriorMean, slow$mean), 1e-10)
        expect_lt(relative_difference(found$PosteriorSD, slow$sd), 1e-10)
        expect_lt(relative_difference(found$lfsr, slow$lfsr), 1e-10)
        expect_lt(relative_difference(found$lfdr, slow$lfdr), 1e-10)
      }
    }
  }
})

test_that("leaving a condition out equals not having measured it in any unit", {
  case <- posterior_case()
  unseen <- case$data
  unseen$missing <- matrix(FALSE, 60, 5)
  unseen$missing[, 3] <- TRUE
  unseen$Bhat[, 3] <- 0
  whole <- mash_posterior(case$m, unseen, output_posterior_cov = TRUE)
  part <- mash_posterior(case$m, case$data, exclude = 3, output_posterior_cov = TRUE)
  expect_lt(relative_difference(part$PosteriorMean, whole$PosteriorMean[, -3]), 1e-10)
  expect_lt(relative_difference(part$lfsr, whole$lfsr[, -3]), 1e-10)
  expect_lt(relative_difference(part$PosteriorCov, whole$PosteriorCov[-3, -3, ]), 1e-10)
})

test_that("units with missing values keep what they have", {
  case <- posterior_case(missing = 0.2)
  # Unit j has a value in condition j, which is not left out.
  case$data <- mnmash:::data_rows(case$data, which(rowSums(!case$data$missing[, c(1, 3:5)]) > 0))
  found <- mash_posterior(case$m, case$data, exclude = 2)
  slow <- margin_by_hand(case, c(1, 3:5))
  expect_lt(relative_difference(found$PosteriorMean, slow$mean), 1e-10)
  expect_lt(relative_difference(found$lfsr, slow$lfsr), 1e-10)
})

# What the mixture-prior workflows do to a fit, with the data of the conditions that stay: matrices
# by name, weights by parts of names, posteriors by dense algebra.
workflow_by_hand <- function(case, keep) {
  all <- case$conditions
  out <- all[-keep]
  U <- case$g$Ulist
  names <- c("null", paste(rep(names(U), 2), rep(1:2, each = length(U)), sep = "."))
  pi <- case$g$pi
  for (name in out) {
    pi <- pi[!grepl(name, names, fixed = TRUE)]
    names <- names[!grepl(name, names, fixed = TRUE)]
  }
  U <- U[!names(U) %in% c(out, paste0("ED_", out))]
  R <- length(keep)
  for (name in names(U)) {
    if (name %in% c(all[keep], "identity")) {
      at <- if (name == "identity") 1 else which(all[keep] == name)
      U[[name]] <- matrix(0, R, R)
      U[[name]][at, at] <- 1
    } else if (is.null(colnames(U[[name]]))) {
      U[[name]] <- U[[name]][1:R, 1:R]
    } else {
      U[[name]] <- U[[name]][all[keep], all[keep]]
    }
  }
  data <- case$data
  for (what in c("Bhat", "Shat", "Shat_alpha")) data[[what]] <- data[[what]][, keep]
  data$V <- data$V[keep, keep]
  slow_posterior(data, slow_components(U, case$g$grid), pi / sum(pi))
}

test_that("conditions are left out as the workflows did it, if asked", {
  case <- posterior_case(1)
  case$conditions <- c("Ast", "Exc", "Inh", "Mic", "Oli")
  for (what in c("Bhat", "Shat", "Shat_alpha")) colnames(case$data[[what]]) <- case$conditions
  U <- case$g$Ulist
  names(U) <- c("identity", "equal", "Ast", "tPCA", "ED_Exc")
  U$tPCA <- structure(U$tPCA, dimnames = list(case$conditions, case$conditions))
  case$g$Ulist <- case$m$fitted_g$Ulist <- U
  for (out in list("Exc", c("Exc", "Oli"), "Ast")) {
    keep <- which(!case$conditions %in% out)
    found <- mash_posterior(case$m, case$data, exclude = out, exclude_rule = "workflow")
    slow <- workflow_by_hand(case, keep)
    expect_lt(relative_difference(found$PosteriorMean, slow$mean), 1e-10)
    expect_lt(relative_difference(found$lfsr, slow$lfsr), 1e-10)
    exact <- mash_posterior(case$m, case$data, exclude = out)
    expect_gt(max(abs(found$lfsr - exact$lfsr)), 1e-3)
  }
  same <- mash_posterior(case$m, case$data, exclude_rule = "workflow")
  expect_identical(same, mash_posterior(case$m, case$data))
  # The name of one condition within that of another takes its weights too, but not its matrix.
  names(U)[4] <- "Ast.10"
  case$m$fitted_g$Ulist <- U
  expect_error(
    mash_posterior(case$m, case$data, exclude = "Ast", exclude_rule = "workflow"),
    "such as \"Ast.10", class = "mnmash_error_argument"
  )
})

test_that("the residual correlation is that of the fit, unless given, in its order", {
  case <- posterior_case()
  B <- case$data$Bhat
  S <- case$data$Shat
  V <- correlated(5)
  given <- mash_posterior(case$m, list(Bhat = B, Shat = S), V = V)
  case$m$V <- V
  expect_identical(mash_posterior(case$m, list(Bhat = B, Shat = S)), given)
  expect_false(identical(mash_posterior(case$m, list(Bhat = B, Shat = S), V = diag(5)), given))
  case$m$result$PosteriorMean <- matrix(0, 1, 5, dimnames = list(NULL, case$conditions))
  dimnames(V) <- list(rev(case$conditions), rev(case$conditions))
  V[1, 2] <- V[2, 1] <- 0.1
  expect_identical(
    mash_posterior(case$m, list(Bhat = B, Shat = S), V = V),
    mash_posterior(case$m, list(Bhat = B, Shat = S), V = V[5:1, 5:1])
  )
  rownames(V)[1] <- colnames(V)[1] <- "x"
  expect_error(mash_posterior(case$m, list(Bhat = B, Shat = S), V = V),
    "`V` does not go with the model: it lacks 1 of 5 conditions", class = "mnmash_error_names")
})

test_that("the margin of a prior keeps all weight, and zero matrices become null", {
  case <- posterior_case(pointmass = FALSE)
  g <- mnmash:::marginal_prior(case$g, c(1L, 3L))
  expect_true(g$usepointmass)
  weights <- matrix(case$g$pi, 5)
  expect_equal(g$pi[["null"]], sum(weights[5, ]))
  expect_equal(sum(g$pi), 1)
  expect_identical(names(g$Ulist), c("identity", "equal", "single", "full"))
  # Nothing but the null is left.
  g <- list(pi = c(0.25, 0.75), Ulist = list(a = diag(c(1, 0))), grid = 1, usepointmass = TRUE)
  expect_equal(unname(mnmash:::marginal_prior(g, 2L)$pi), c(1, 0))
  z <- mash_set_data(matrix(c(1, 5), 1))
  none <- mash_posterior(g, z, exclude = 1)
  expect_equal(c(none$PosteriorMean, none$lfsr), c(0, 1))
})

test_that("data are matched to the model by name: fewer conditions, another order", {
  case <- posterior_case()
  case$m$fitted_g$Ulist[[1]] <- structure(
    case$m$fitted_g$Ulist[[1]], dimnames = list(case$conditions, case$conditions)
  )
  whole <- mash_posterior(case$m, case$data)
  turned <- mash_posterior(case$m, mnmash:::data_columns(case$data, 5:1))
  expect_equal(turned$PosteriorMean[, 5:1], whole$PosteriorMean, tolerance = 1e-12)
  expect_equal(turned$lfsr[, 5:1], whole$lfsr, tolerance = 1e-12)
  fewer <- mash_posterior(case$m, mnmash:::data_columns(case$data, c(4L, 1L)))
  excluded <- mash_posterior(case$m, case$data, exclude = c("b", "c", "e"))
  expect_equal(fewer$lfsr[, 2:1], excluded$lfsr, tolerance = 1e-12)
})

test_that("one data set in chunks, regions, and files have the same posteriors", {
  case <- posterior_case(alpha = 1)
  case$m$result$PosteriorMean <- matrix(0, 1, 5, dimnames = list(NULL, case$conditions))
  whole <- mash_posterior(case$m, case$data, output_posterior_cov = TRUE)
  expect_equal(
    whole,
    suppressMessages(mash_compute_posterior_matrices(
      case$m, case$data, output_posterior_cov = TRUE
    ))
  )
  expect_identical(
    mash_posterior(case$m, case$data, n_chunks = 7, output_posterior_cov = TRUE), whole
  )
  B <- case$data$Bhat * case$data$Shat_alpha
  S <- case$data$Shat_alpha
  part <- \(rows) list(bhat = B[rows, ], sbhat = S[rows, ])
  by_gene <- mash_posterior(case$m, list(x = part(1:20), y = part(21:60)), V = correlated(5))
  expect_named(by_gene, c("x", "y"))
  expect_equal(rbind(by_gene$x$lfsr, by_gene$y$lfsr), whole$lfsr, tolerance = 1e-12)
  folder <- withr::local_tempdir()
  files <- file.path(folder, c("x.rds", "y.rds"))
  saveRDS(part(1:20), files[1])
  saveRDS(part(21:60), files[2])
  expect_identical(mash_posterior(case$m, files, V = correlated(5)), by_gene)
  read <- function(file) readRDS(file)[c("bhat", "sbhat")]
  done <- mash_posterior(
    case$m, files,
    V = correlated(5), read = read, folder = file.path(folder, "out")
  )
  expect_identical(done$region, c("x", "y"))
  expect_identical(readRDS(done$file[2]), by_gene$y)
})

test_that("a region may lack conditions altogether: they are predicted from the others", {
  case <- posterior_case()
  case$m$result$PosteriorMean <- matrix(0, 1, 5, dimnames = list(NULL, case$conditions))
  B <- case$data$Bhat
  S <- case$data$Shat
  B[, 4] <- S[, 4] <- NA
  found <- mash_posterior(case$m, list(x = list(Bhat = B, Shat = S)), V = correlated(5))$x
  unseen <- case$data
  unseen$missing <- col(B) == 4
  slow <- slow_posterior(unseen, slow_components(case$g$Ulist, case$g$grid), case$g$pi)
  expect_lt(relative_difference(found$PosteriorMean, slow$mean), 1e-10)
  expect_lt(relative_difference(found$lfsr, slow$lfsr), 1e-10)
  # A column that is not there at all is left out of the result.
  gone <- mash_posterior(
    case$m, list(x = list(Bhat = B[, -4], Shat = S[, -4])), V = correlated(5)
  )$x
  expect_equal(gone$lfsr, found$lfsr[, -4], tolerance = 1e-12)
})

test_that("a run that was killed half-way goes on, and has the results of one that was not", {
  case <- posterior_case()
  V <- correlated(5)
  regions <- lapply(1:6, \(i) {
    rows <- 10 * (i - 1) + 1:10
    list(Bhat = case$data$Bhat[rows, ], Shat = case$data$Shat[rows, ])
  })
  names(regions) <- paste0("gene/", 1:6)
  files <- file.path(withr::local_tempdir(), paste0("gene_", 1:6, ".rds"))
  Map(saveRDS, regions, files)
  whole <- mash_posterior(case$m, regions, V = V, n_threads = 1)
  # Another R process, which dies in the fourth region as by a cut of power.
  folder <- withr::local_tempfile()
  input <- withr::local_tempfile(fileext = ".rds")
  read <- function(file) {
    if (Sys.getenv("MNMASH_TEST_KILL") == file) tools::pskill(Sys.getpid(), tools::SIGKILL)
    cat(basename(file), "\n", file = paste0(dirname(file), "/log"), append = TRUE)
    readRDS(file)
  }
  environment(read) <- globalenv()
  saveRDS(list(m = case$m, files = files, V = V, read = read, folder = folder), input)
  script <- withr::local_tempfile(
    fileext = ".R", lines = c(
      "library(mnmash)", sprintf("x <- readRDS('%s')", input),
      "mash_posterior(x$m, x$files, V = x$V, read = x$read, folder = x$folder, n_threads = 1)"
    )
  )
  run <- function(kill) {
    withr::local_envvar(
      MNMASH_TEST_KILL = kill,
      R_LIBS = paste(c(dirname(find.package("mnmash")), .libPaths()), collapse = ":")
    )
    suppressWarnings(system2(
      file.path(R.home("bin"), "Rscript"), script, stdout = FALSE, stderr = FALSE
    ))
  }
  skip_if_not(dir.exists(file.path(find.package("mnmash"), "Meta")))
  expect_false(run(files[4]) == 0)
  expect_setequal(list.files(folder), c(paste0("gene_", 1:3, ".rds")))
  expect_equal(run(""), 0)
  log <- trimws(readLines(file.path(dirname(files[1]), "log")))
  expect_identical(log, basename(files))
  found <- lapply(file.path(folder, basename(files)), readRDS)
  expect_identical(found, unname(whole))
  # The same folder for another question.
  expect_error(
    mash_posterior(case$m, files, V = V, read = read, folder = folder, exclude = 1),
    "`exclude` differs", class = "mnmash_error_folder"
  )
})

test_that("workers write the same files as one process", {
  skip_if_not_installed("future.apply")
  skip_on_cran()
  skip_if_not(dir.exists(file.path(find.package("mnmash"), "Meta")))
  libraries <- paste(unique(c(dirname(find.package("mnmash")), .libPaths())), collapse = ":")
  withr::local_envvar(R_LIBS = libraries)
  case <- posterior_case(alpha = 1, missing = 0.1)
  one <- withr::local_tempfile()
  two <- withr::local_tempfile()
  mash_posterior(case$m, case$data, n_chunks = 5, folder = one)
  whole <- mash_posterior(case$m, case$data, n_chunks = 5)
  noise <- \(x, shift) x + rnorm(2) + shift
  drawn <- each_region(list(a = 1, b = 2, c = 3), noise, shift = 10, seed = 5)
  before <- future::plan(future::multisession, workers = 2)
  withr::defer(future::plan(before))
  done <- mash_posterior(case$m, case$data, n_chunks = 5, folder = two)
  expect_identical(mash_posterior(case$m, case$data, n_chunks = 5), whole)
  expect_identical(each_region(list(a = 1, b = 2, c = 3), noise, shift = 10, seed = 5), drawn)
  sums <- \(folder) unname(tools::md5sum(list.files(folder, "posterior", full.names = TRUE)))
  expect_identical(sums(two), sums(one))
  expect_length(sums(two), 5)
})

test_that("bad arguments are named", {
  case <- posterior_case()
  expect_error(mash_posterior(case$m, case$data, exclude = "liver"), "`exclude`.*\"liver\"")
  expect_error(mash_posterior(case$m, case$data, exclude = 6), "`exclude`", class = "mnmash_error")
  expect_error(mash_posterior(case$m, case$data, exclude = 1:5), "leaves no condition")
  expect_error(mash_posterior(case$data, case$data), "is data", class = "mnmash_error_type")
  expect_error(mash_posterior(case$m, mash_set_data(matrix(1, 2, 3), 1)), "model has 5")
  expect_error(
    mash_posterior(case$m, mash_set_data(matrix(1, 2, 5), alpha = 1)), "of z-scores",
    class = "mnmash_error_units"
  )
  good <- list(Bhat = case$data$Bhat, Shat = case$data$Shat)
  bad <- good
  bad$Shat[3, 2] <- -1
  expect_warning(
    found <- mash_posterior(case$m, list(g = good, h = bad)), "region \"h\".*unit3.*column 2",
    class = "mnmash_warning_region"
  )
  expect_identical(found$g, mash_posterior(case$m, list(g = good))$g)
  expect_null(found$h)
  expect_error(mash_posterior(case$m, list(h = bad)), "unit3", class = "mnmash_error_value")
  folder <- withr::local_tempfile()
  expect_error(
    mash_posterior(case$m, list(g = bad, h = good), folder = folder), "region \"g\"",
    class = "mnmash_error_region"
  )
  expect_true(file.exists(file.path(folder, "h.rds")))
  expect_error(mash_posterior(case$m, list(good, bad)), "must have names")
  expect_error(mash_posterior(case$m, list(g = 1)), "region \"g\".*must be a list")
  expect_error(
    suppressWarnings(mash_posterior(case$m, c(a = "/no/such.rds"))), "region \"a\""
  )
  expect_error(mash_posterior(case$m, good, V = diag(4)), "V", class = "mnmash_error")
  case$m$fitted_g$Ulist[[1]] <- structure(diag(5), dimnames = list(LETTERS[1:5], LETTERS[1:5]))
  expect_error(mash_posterior(case$m, case$data), "it lacks 5 of 5 conditions \\(a, b, c")
})
