# What all pictures share: the package that draws them, their files, and labels that stay readable.

need_ggplot2 <- function() {
  if (!requireNamespace("ggplot2", quietly = TRUE)) {
    stop_mnmash("package", "pictures need the package ggplot2: install.packages(\"ggplot2\")")
  }
}

# The picture, and the size in inches at which its labels fit. With a `file` it is written too.
picture <- function(plot, width, height, file = NULL, dpi = 150) {
  attr(plot, "size") <- c(width = width, height = height)
  if (is.null(file)) return(plot)
  save_picture(plot, file, width, height, dpi)
  invisible(plot)
}

# The file is there when it is complete, or not at all. Several plots are the pages of a .pdf.
save_picture <- function(plot, file, width, height, dpi = 150) {
  if (!is.character(file) || length(file) != 1L || is.na(file) || !nzchar(file)) {
    stop_mnmash("type", "`file` must be the name of a file that ends in .pdf, .png or .svg")
  }
  type <- ascii_lower(sub("^.*[.]", "", basename(file)))
  if (!type %in% c("pdf", "png", "svg") || !grepl(".", basename(file), fixed = TRUE)) {
    stop_mnmash("argument", "`file` must end in .pdf, .png or .svg: '", file, "' does not")
  }
  dpi <- check_number(dpi, 20, 1200)
  # A device whose disk is full may keep its file open for ever: not one beside `file`.
  drawn <- tempfile(fileext = paste0(".", type))
  on.exit(unlink(drawn))
  tryCatch(
    suppressWarnings(if (inherits(plot, "ggplot")) {
      ggplot2::ggsave(
        drawn,
        plot = plot, device = if (type == "svg") grDevices::svg else type, width = width,
        height = height, dpi = dpi, limitsize = FALSE, bg = "white"
      )
    } else {
      draw_pages(plot, drawn, width, height)
    }),
    error = \(e) stop_mnmash("file", "cannot draw '", file, "': ", conditionMessage(e))
  )
  why <- picture_damage(drawn, type)
  if (!is.null(why)) {
    stop_mnmash("file", "cannot draw '", file, "': ", why, "; is the disk of tempdir() full?")
  }
  write_bytes(readBin(drawn, "raw", file.size(drawn)), file)
}

draw_pages <- function(plots, file, width, height) {
  grDevices::pdf(file, width, height, bg = "white", onefile = TRUE)
  device <- grDevices::dev.cur()
  on.exit(grDevices::dev.off(device))
  for (plot in plots) print(plot)
}

# What is wrong with the bytes of a picture, or NULL: devices do not say when the disk is full. A
# .pdf ends with the place of its table, a .png is a chain of pieces that begin with their lengths.
picture_damage <- function(file, type) {
  size <- file.size(file)
  bytes <- readBin(file, "raw", size)
  at <- \(from, n) bytes[seq_len(n) + from]
  if (type == "pdf") {
    end <- rawToChar(utils::tail(bytes, 64L)[utils::tail(bytes, 64L) > 0])
    place <- regmatches(end, regexec("startxref\n([0-9]+)\n%%EOF\n$", end, useBytes = TRUE))[[1L]]
    table <- if (length(place)) as.numeric(place[2L])
    whole <- length(table) && table + 4 <= size && identical(at(table, 4L), charToRaw("xref"))
  } else if (type == "svg") {
    end <- rawToChar(utils::tail(bytes, 16L))
    whole <- grepl("</svg>[[:space:]]*$", end)
  } else {
    from <- 8
    last <- raw()
    while (from + 12 <= size && !identical(last, charToRaw("IEND"))) {
      last <- at(from + 4, 4L)
      from <- from + 12 + sum(as.integer(at(from, 4L)) * 256^(3:0))
    }
    whole <- from == size && identical(last, charToRaw("IEND"))
  }
  if (!whole) "it is not whole"
}

# Inches that the longest of some labels takes in points of `size`.
label_inches <- function(labels, size) {
  if (!length(labels)) return(0)
  0.55 * size / 72 * max(nchar(labels, type = "width"))
}

# The diverging colours of correlations, and the sequential ones of shares.
diverging <- c("#2166ac", "#92c5de", "#f7f7f7", "#f4a582", "#b2182b")
sequential <- c("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")

# The pronoun of the data in aes().
utils::globalVariables(".data")
