# The readers that the article on large data shows, on small files.

stored <- function() {
  set.seed(1)
  B <- matrix(rnorm(60), 20)
  S <- matrix(runif(60, 0.5, 2), 20)
  data <- mash_set_data(B, S)
  g <- list(
    pi = c(0.4, 0.3, 0.3), Ulist = list(a = diag(3), b = matrix(1, 3, 3)), grid = 1,
    usepointmass = TRUE
  )
  expected <- suppressMessages(mash_compute_posterior_matrices(g, data))$PosteriorMean
  list(B = B, S = S, g = g, expected = unname(expected))
}

streamed_means <- function(g, chunk) {
  means <- list()
  suppressMessages(mash_stream(g, chunk, 4, \(i, posterior) {
    means[[i]] <<- unname(posterior$PosteriorMean)
  }))
  do.call(rbind, means)
}

test_that("raw doubles are read chunk by chunk", {
  case <- stored()
  folder <- withr::local_tempdir()
  writeBin(as.vector(t(case$B)), file.path(folder, "Bhat.bin"))
  writeBin(as.vector(t(case$S)), file.path(folder, "Shat.bin"))
  chunk <- function(i) {
    read <- function(name) {
      file <- file(file.path(folder, name), "rb")
      on.exit(close(file))
      seek(file, 8 * 3 * 5 * (i - 1))
      matrix(readBin(file, "double", 3 * 5), ncol = 3, byrow = TRUE)
    }
    list(Bhat = read("Bhat.bin"), Shat = read("Shat.bin"))
  }
  expect_equal(streamed_means(case$g, chunk), case$expected, tolerance = 1e-12)
})

test_that("an HDF5 file is read chunk by chunk", {
  skip_if_not_installed("hdf5r")
  case <- stored()
  path <- withr::local_tempfile(fileext = ".h5")
  file <- hdf5r::H5File$new(path, "w")
  file[["Bhat"]] <- case$B
  file[["Shat"]] <- case$S
  file$close_all()
  chunk <- function(i) {
    file <- hdf5r::H5File$new(path, "r")
    on.exit(file$close_all())
    rows <- 5 * (i - 1) + seq_len(5)
    list(Bhat = file[["Bhat"]][rows, ], Shat = file[["Shat"]][rows, ])
  }
  expect_equal(streamed_means(case$g, chunk), case$expected, tolerance = 1e-12)
})
