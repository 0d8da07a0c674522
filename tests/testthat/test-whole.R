# Objects that were changed by hand are found out where they come in.

test_that("what an object lacks, or has of another kind, is named as it was given", {
  set.seed(1)
  sims <- simple_sims(nsamp = 10, ncond = 3, err_sd = 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  spoilt <- function(x, part, value) {
    x[[part]] <- value
    x
  }
  damaged <- "mnmash_error_damaged"
  part <- spoilt(m, "fitted_g", spoilt(m$fitted_g, "Ulist", NULL))
  expect_error(print(part), "`x\\$fitted_g\\$Ulist` is missing", class = damaged)
  expect_error(get_pm(spoilt(m, "vloglik", "a")), "`m\\$vloglik` must be numbers", class = damaged)
  expect_error(mash(spoilt(data, "Shat", data$Shat[-1, ]), cov_canonical(data)),
               "`data\\$Shat` must have 40 x 3 elements, not 39 x 3", class = damaged)
  expect_error(mash_compute_vloglik(m, spoilt(data, "V", diag(2))), "`data\\$V`", class = damaged)
  bad <- m
  bad$fitted_g$Ulist[[2]][1] <- NA
  expect_error(summary(bad), "`object\\$fitted_g\\$Ulist\\[\\[2\\]\\]` must be finite",
               class = damaged)
  # A name of the user's own stands in the message.
  mine <- spoilt(data, "alpha", c(0, 1))
  expect_error(cov_pca(mine, 2), "`data\\$alpha` must have 1 elements", class = damaged)
})

test_that("objects as they are made, and what is like them, are whole", {
  calls <- fuzz_calls()
  utils::capture.output(objects <- suppressWarnings(suppressMessages(class_objects(calls))))
  ours <- intersect(names(objects), names(layouts))
  expect_gt(length(ours), 25)
  for (class in ours) expect_no_error(check_whole(objects[[class]], class))
  # Fits of mashr: one class, and only its parts.
  m <- calls$get_pm[[1]]
  mashr <- structure(
    unclass(m)[c("result", "loglik", "vloglik", "fitted_g", "posterior_weights", "alpha")],
    class = "mash"
  )
  expect_identical(layout_of(mashr), "mash_fit")
  expect_identical(get_lfsr(mashr), get_lfsr(m))
  data <- structure(unclass(calls$mash[[1]]), class = "mash")
  expect_identical(layout_of(data), "mash_data")
  contrasts <- suppressMessages(mash_update_data(data, ref = 1))
  expect_identical(layout_of(contrasts), "mash_data_contrasts")
  expect_no_error(check_whole(contrasts))
})

test_that("a layout is read as it is written", {
  found <- parse_layout("a n J R?; b$c[] effect|z? 1; [] v")
  expect_identical(found[[1]], list(path = "a", type = "n", optional = FALSE, sizes = c("J", "R?")))
  expect_identical(found[[2]]$path, c("b", "c", "[]"))
  expect_true(found[[2]]$optional)
  expect_identical(found[[2]]$type, "effect|z")
  expect_identical(found[[3]]$path, "[]")
  # Every type of every layout is known, and every class has a constructor or a method.
  types <- unique(unlist(lapply(parsed_layouts, \(lines) vapply(lines, `[[`, "", "type"))))
  expect_identical(setdiff(types, c(names(part_types), "effect|z", "EE|EZ",
                                    "rows|suffstat|sumstats")), character())
})
