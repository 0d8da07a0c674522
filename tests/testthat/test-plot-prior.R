skip_if_not_installed("ggplot2")

conditions <- c("a", "b", "c")
named <- \(U) structure(U, dimnames = list(conditions, conditions))
prior_of_three <- function() {
  list(
    U = list(
      own = named(diag(c(4, 1, 2))), single = named(diag(c(0, 3, 0))),
      shared = named(matrix(5, 3, 3)), faint = named(diag(3))
    ),
    w = c(own = 0.2, single = 0.1, shared = 0.4, faint = 1e-7), null_weight = 0.3
  )
}

# The value that a panel shows for a pair of conditions.
shown_at <- function(plot, name, row, column) {
  cells <- plot$data
  here <- startsWith(as.character(cells$matrix), paste0(name, "\n")) & cells$row == row &
    cells$column == column
  cells$value[here]
}

test_that("panels go by weight, which stands above them; small ones are left out", {
  plot <- plot_U(prior_of_three())
  expect_s3_class(plot, "ggplot")
  expect_identical(
    levels(plot$data$matrix), c("shared\nw = 0.4", "own\nw = 0.2", "single\nw = 0.1")
  )
  expect_match(plot$labels$subtitle, "null: 30.0%; 1 with weights up to 1e-06 left out")
  two <- plot_U(prior_of_three(), max_comp = 2)
  expect_identical(nlevels(two$data$matrix), 2L)
  expect_match(two$labels$subtitle, "2 of 3 matrices, 60.0% of the weight")
  expect_identical(nlevels(plot_U(prior_of_three(), max_comp = 1)$data$matrix), 1L)
  expect_identical(nlevels(plot_U(prior_of_three(), max_comp = -1)$data$matrix), 3L)
  expect_identical(nlevels(plot_U(prior_of_three(), threshold = 0)$data$matrix), 4L)
})

test_that("cells are covariances divided by the largest variance, rows from the top", {
  plot <- plot_U(prior_of_three())
  expect_equal(shown_at(plot, "own", "a", "a"), 1)
  expect_equal(shown_at(plot, "own", "b", "b"), 0.25)
  expect_equal(shown_at(plot, "own", "a", "b"), 0)
  expect_equal(shown_at(plot, "single", "b", "b"), 1)
  # Discrete axes go upwards: the first condition must be the last level of the rows.
  expect_identical(levels(plot$data$row), rev(conditions))
  expect_identical(levels(plot$data$column), conditions)
  expect_null(plot$labels$caption)
})

test_that("correlations with a condition without variance are missing, and the picture says so", {
  U <- prior_of_three()$U
  U$own[1, 2] <- U$own[2, 1] <- -1
  plot <- plot_U(list(U = U, w = rep(0.25, 4)), to_cor = TRUE)
  expect_equal(shown_at(plot, "own", "a", "b"), -0.5)
  expect_equal(shown_at(plot, "shared", "a", "c"), 1)
  expect_identical(shown_at(plot, "single", "a", "b"), NA_real_)
  expect_identical(shown_at(plot, "single", "a", "a"), NA_real_)
  expect_equal(shown_at(plot, "single", "b", "b"), 1)
  expect_match(plot$labels$caption, "no variance")
})

test_that("a variance that is only rounding has no correlation", {
  f <- c(1, 1e-17, 2)
  plot <- plot_U(list(U = list(f = named(tcrossprod(f))), w = 1), to_cor = TRUE)
  expect_identical(shown_at(plot, "f", "a", "b"), NA_real_)
  expect_equal(shown_at(plot, "f", "a", "c"), 1)
})

test_that("a fit's weights are summed over its scales", {
  g <- list(
    pi = c(0.1, 0.2, 0.3, 0.25, 0.15), Ulist = list(x = diag(3), y = matrix(1, 3, 3)),
    grid = c(1, 2), usepointmass = TRUE
  )
  set.seed(1)
  data <- mash_set_data(matrix(rnorm(30), 10, dimnames = list(NULL, conditions)))
  m <- mash(data, g = g, fixg = TRUE, verbose = FALSE)
  plot <- plot_U(m)
  expect_identical(levels(plot$data$matrix), c("x\nw = 0.45", "y\nw = 0.45"))
  expect_identical(levels(plot$data$column), conditions)
})

test_that("a weight named null, and matrices without names, are understood", {
  U <- list(x = diag(2), y = matrix(1, 2, 2))
  plot <- plot_U(list(U = U, w = c(null = 0.5, x = 0.3, y = 0.2)))
  expect_match(plot$labels$subtitle, "null: 50.0%")
  expect_identical(levels(plot$data$column), c("1", "2"))
})

test_that("labels fit at the size of the picture", {
  size_of <- function(R) {
    names <- paste0("condition_of_some_length_", seq_len(R))
    U <- structure(diag(R), dimnames = list(names, names))
    plot <- plot_U(list(U = list(a = U, b = U), w = c(0.5, 0.5)))
    text <- plot$theme$axis.text.y$size
    list(size = attr(plot, "size"), text = text)
  }
  for (R in c(8, 16, 44)) {
    found <- size_of(R)
    panel <- (found$size[["width"]] - 0.55 * found$text / 72 * (25 + nchar(R)) - 0.3) / 2
    expect_gt(panel * 72 / R, found$text)
  }
})

test_that("files are written whole, or not at all", {
  folder <- withr::local_tempdir()
  for (type in c("pdf", "png")) {
    file <- file.path(folder, paste0("prior.", type))
    plot_U(prior_of_three(), file, dpi = 50)
    expect_gt(file.size(file), 1000)
    head <- readBin(file, "raw", 4)
    png <- as.raw(c(0x89, 0x50, 0x4e, 0x47))
    expect_identical(head, if (type == "pdf") charToRaw("%PDF") else png)
  }
  expect_setequal(list.files(folder, all.files = TRUE, no.. = TRUE), c("prior.pdf", "prior.png"))
  # A picture that fails half-way leaves the old file as it was.
  file <- file.path(folder, "prior.pdf")
  before <- readBin(file, "raw", 1e6)
  broken <- ggplot2::ggplot(data.frame(x = 1), ggplot2::aes(x, y = stop("no such thing"))) +
    ggplot2::geom_point()
  expect_error(save_picture(broken, file, 3, 3), "no such thing", class = "mnmash_error_file")
  expect_identical(readBin(file, "raw", 1e6), before)
  expect_setequal(list.files(folder, all.files = TRUE, no.. = TRUE), c("prior.pdf", "prior.png"))
})

test_that("bad arguments are named", {
  prior <- prior_of_three()
  expect_error(plot_U(prior, "x.gif"), "`file` must end in .pdf, .png or .svg", class = "mnmash_error")
  file <- withr::local_tempfile(lines = "not a folder")
  expect_error(plot_U(prior, file.path(file, "x.pdf")), "folder", class = "mnmash_error_file")
  expect_error(plot_U(prior, threshold = 0.9), "largest weight is 0.4", class = "mnmash_error")
  expect_error(plot_U(prior, max_comp = 2.5), "`max_comp`", class = "mnmash_error")
  expect_error(plot_U(prior, to_cor = NA), "`to_cor`", class = "mnmash_error")
  expect_error(plot_U(1:3), class = "mnmash_error")
})

test_that("plot() of a prior shows its weights, the null among them", {
  plot <- plot(as_prior(prior_of_three()))
  expect_identical(levels(plot$data$matrix), c("single", "own", "null", "shared"))
  expect_equal(plot$data$weight, c(0.4, 0.3, 0.2, 0.1), tolerance = 1e-6)
  expect_identical(nlevels(plot(as_prior(prior_of_three()), "U", top = 2)$data$matrix), 2L)
})

test_that("pictures take the arguments of what they draw, and no others", {
  prior <- as_prior(prior_of_three())
  expect_error(plot_U(prior, maxcomp = 2), "mean `max_comp`", class = "mnmash_error_argument")
  expect_error(plot(prior, topp = 2), "did you mean `top`", class = "mnmash_error_argument")
  expect_error(plot(prior, to_cor = TRUE), "`to_cor`", class = "mnmash_error_argument")
  expect_s3_class(plot(prior, type = "U", to_cor = TRUE), "ggplot")
})

# A learnt prior of R conditions: shared patterns, and one matrix for each condition.
prior_with_singletons <- function(R, K = 8) {
  names <- paste0("condition_", seq_len(R), "_of_many")
  set.seed(R)
  own <- lapply(seq_len(R), \(r) `diag<-`(matrix(0, R, R), as.numeric(seq_len(R) == r)))
  shared <- lapply(seq_len(K), \(k) tcrossprod(rnorm(R)) + diag(R))
  U <- lapply(c(own, shared), `dimnames<-`, list(names, names))
  names(U) <- c(names, paste0("ED_", seq_len(K)))
  w <- c(0.3 * seq_len(R) / sum(seq_len(R)), 0.5 * rev(seq_len(K)) / sum(seq_len(K)))
  list(U = U, w = stats::setNames(w, names(U)), null_weight = 0.2)
}

test_that("matrices of one condition share a panel, which has their weights", {
  prior <- prior_with_singletons(6, 2)
  plot <- plot_U(prior)
  expect_identical(nlevels(plot$data$matrix), 3L)
  label <- "6 singletons: weights"
  expect_match(levels(plot$data$matrix)[2], paste0(label, "\nw = 0.3"), fixed = TRUE)
  names <- colnames(prior$U[[1]])
  found <- vapply(names, \(r) shown_at(plot, label, r, r), 0)
  expect_equal(unname(found), 1:6 / 6)
  expect_equal(shown_at(plot, label, names[1], names[2]), 0)
  # Weights are no covariances: they stay what they are.
  cor <- plot_U(prior, to_cor = TRUE)
  expect_equal(shown_at(cor, label, names[3], names[3]), 0.5)
  expect_identical(nlevels(plot_U(prior, singletons = "apart")$data$matrix), 8L)
  # Two are not many, and those without weight do not count.
  prior$w[names[1:4]] <- 0
  expect_identical(nlevels(plot_U(prior)$data$matrix), 4L)
})

test_that("names are left out by numbers", {
  plot <- plot_U(prior_of_three(), remove_label = TRUE)
  expect_identical(levels(plot$data$column), c("t1", "t2", "t3"))
})

test_that("a .pdf has as many pages as its panels need", {
  file <- withr::local_tempfile(fileext = ".pdf")
  pages <- function(...) {
    plot_U(..., file = file)
    text <- readBin(file, "raw", file.size(file))
    text[text == 0] <- as.raw(32)
    length(gregexpr("/Type /Page\\b", rawToChar(text), useBytes = TRUE)[[1]])
  }
  prior <- prior_with_singletons(4, 32)
  expect_identical(pages(prior), 2L)
  expect_identical(pages(prior, max_comp = 3), 1L)
  expect_identical(lengths(panel_pages(33, 30), use.names = FALSE), c(17L, 16L))
  expect_identical(unlist(panel_pages(33, 30), use.names = FALSE), 1:33)
})

test_that("pictures may be .svg", {
  skip_if_not(capabilities("cairo"))
  file <- withr::local_tempfile(fileext = ".svg")
  plot_U(prior_of_three(), file)
  expect_match(readLines(file, n = 2)[1], "<\\?xml")
})
