test_that("the demo runs to its end and writes what it says", {
  skip_on_cran()
  skip_if_not_installed("ggplot2")
  script <- system.file("scripts", "demo.R", package = "mnmash")
  skip_if(script == "")
  folder <- withr::local_tempdir()
  said <- system2(
    file.path(R.home("bin"), "Rscript"), c(shQuote(script), shQuote(folder)), stdout = TRUE,
    stderr = TRUE, env = paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  )
  expect_null(attr(said, "status"))
  expect_match(said, "^Done in", all = FALSE)
  # A trait is named wherever one is counted.
  expect_no_match(said, "most of all \\(")
  expect_setequal(list.files(folder), c(
    paste0("blood-", c("effects.csv", "weights.csv", "weights.png")),
    paste0("gtex-", c("effects.csv", "sharing.csv", "sharing.png", "weights.csv", "weights.png"))
  ))
})
