test_that("a file is complete or not there", {
  folder <- withr::local_tempdir()
  file <- file.path(folder, "new", "x.rds")
  save_rds(list(1, "a"), file)
  expect_identical(readRDS(file), list(1, "a"))
  expect_identical(list.files(dirname(file), all.files = TRUE, no.. = TRUE), "x.rds")
  expect_error(
    write_whole(file, damage = \(part) NULL, write = \(part) {
      writeLines("half", part)
      stop("disk full")
    }),
    "cannot write .*x.rds.*disk full", class = "mnmash_error_file"
  )
  expect_identical(readRDS(file), list(1, "a"))
  expect_identical(list.files(dirname(file), all.files = TRUE, no.. = TRUE), "x.rds")
})

test_that("large and small files are read back alike, and bytes do not depend on the hour", {
  folder <- withr::local_tempdir()
  files <- file.path(folder, c("a.rds", "b.rds", "c.rds"))
  for (file in files[1:2]) save_rds(letters, file)
  save_rds(letters, files[3], level = 0L)
  expect_identical(unname(tools::md5sum(files[1])), unname(tools::md5sum(files[2])))
  expect_identical(readRDS(files[3]), letters)
})

test_that("files that cannot be read or written are named", {
  folder <- withr::local_tempdir()
  expect_error(read_rds(file.path(folder, "no.rds"), "prior"), "`prior`: there is no file",
    class = "mnmash_error_file")
  broken <- file.path(folder, "broken.rds")
  writeBin(readBin(test_path("fixtures", "weights.rds"), "raw", 200), broken)
  expect_error(read_rds(broken, "data"), "`data`: .*broken.rds' is not an RDS file, or is damaged",
    class = "mnmash_error_file")
  # A folder below a file cannot be made, whoever asks.
  expect_error(usable_folder(file.path(broken, "below"), "cwd"), "`cwd`: cannot make the folder",
    class = "mnmash_error_file")
})

test_that("names of files follow the workflows", {
  expect_identical(output_prefix(NULL, "some/where/my.input.rds"), "my.input")
  expect_identical(output_file("out", "x", "EE", "V_simple"), "out/x.EE.V_simple.rds")
})

test_that("a file gets its name only when what was written is read back whole", {
  folder <- withr::local_tempdir()
  file <- file.path(folder, "x.csv")
  # A writer that does not notice that the last bytes are lost, as at a full disk.
  expect_error(
    write_whole(
      file, \(part) writeLines("half", part),
      damage = \(part) if (file.size(part) != 9) "it is not whole"
    ),
    "x.csv': it is not whole after it was written; is the disk full", class = "mnmash_error_file"
  )
  expect_length(list.files(folder, all.files = TRUE, no.. = TRUE), 0L)
  table <- data.frame(a = c("x", "y\"z"), b = c(1.5, NA))
  write_table(table, file)
  plain <- tempfile()
  write.csv(table, plain, row.names = FALSE)
  expect_identical(readLines(file), readLines(plain))
  dir.create(file.path(folder, "y.rds"))
  expect_error(save_rds(1, file.path(folder, "y.rds")), "a folder has that name")
})

test_that("no writer leaves part of a file under its name where there is no room", {
  skip_on_os("windows")
  skip_on_cran()
  skip_if_not_installed("ggplot2")
  skip_if_not(dir.exists(file.path(find.package("mnmash"), "Meta")))
  folder <- withr::local_tempdir()
  script <- tempfile(fileext = ".R")
  writeLines(c(
    "suppressPackageStartupMessages(library(mnmash))",
    "f <- \\(x) file.path(commandArgs(TRUE), x)",
    "space <- asNamespace('mnmash')", "set.seed(1)",
    "said <- \\(code) tryCatch({code; 'written'}, error = \\(e) class(e)[1L])",
    "picture <- ggplot2::ggplot(data.frame(x = 1:2000, y = rnorm(2000)), ggplot2::aes(x, y)) +",
    "  ggplot2::geom_point()",
    "cat(said(space$save_rds(rnorm(2000), f('a.rds'), 0L)),",
    "  said(space$save_rds(rnorm(2000), f('b.rds'))),",
    "  said(space$write_table(data.frame(x = rnorm(2000)), f('c.csv'))),",
    "  said(space$save_picture(picture, f('d.pdf'), 4, 4)),",
    "  said(space$save_picture(picture, f('e.png'), 4, 4)))"
  ), script)
  # A limit of the size of files stands for a disk with that much room.
  withr::local_envvar(
    R_LIBS = paste(c(dirname(find.package("mnmash")), .libPaths()), collapse = ":")
  )
  found <- system(sprintf(
    "trap '' XFSZ; ulimit -f 8; %s %s %s 2> /dev/null",
    shQuote(file.path(R.home("bin"), "Rscript")), shQuote(script), shQuote(folder)
  ), intern = TRUE)
  expect_identical(strsplit(found, " ")[[1L]], rep("mnmash_error_file", 5L))
  expect_length(list.files(folder, all.files = TRUE, no.. = TRUE), 0L)
})

test_that("no damage of a file's bytes reaches unserialize(), or goes unseen", {
  folder <- withr::local_tempdir()
  x <- list(a = stats::setNames(1:50, rep(letters[1:5], 10)), b = diag(4), c = quote(f(x)))
  file <- file.path(folder, "x.rds")
  set.seed(1)
  for (kind in c("level 0", "level 6", "xz")) {
    switch(kind,
      xz = saveRDS(x, file, compress = "xz"), save_rds(x, file, as.integer(substring(kind, 7L)))
    )
    whole <- readBin(file, "raw", 1e5)
    expect_identical(read_rds(file, "data"), x)
    for (i in 1:100) {
      bytes <- whole
      if (i %% 4) {
        at <- sample(length(bytes), 1 + i %% 3)
        bytes[at] <- xor(bytes[at], as.raw(sample(255, length(at), TRUE)))
      } else {
        last <- sample(length(bytes), 1) - 1
        bytes <- if (i %% 8) utils::head(bytes, last) else c(bytes, as.raw(i))
      }
      writeBin(bytes, file)
      found <- tryCatch(read_rds(file, "data"), mnmash_error_file = \(e) conditionMessage(e))
      # The head says when and on what system it was compressed, which is not what it holds.
      if (!is.character(found)) expect_identical(found, x)
      else expect_match(found, "`data`: '.*x.rds' is not an RDS file, or is damaged")
    }
  }
  saveRDS(x, file, compress = FALSE)
  expect_error(read_rds(file, "data"), "compress = FALSE", class = "mnmash_error_file")
  saveRDS(x, file, compress = "bzip2")
  expect_error(read_rds(file, "data"), "compress = bzip2", class = "mnmash_error_file")
})

test_that("a file that is replaced keeps its mode, and a link stays one", {
  skip_on_os("windows")
  folder <- withr::local_tempdir()
  file <- file.path(folder, "x.rds")
  save_rds(1, file)
  Sys.chmod(file, "0600")
  link <- file.path(folder, "link.rds")
  file.symlink("x.rds", link)
  save_rds(2, link)
  expect_identical(readRDS(file), 2)
  expect_identical(Sys.readlink(link), "x.rds")
  expect_identical(format(file.mode(file)), "600")
})

test_that("what killed processes left is removed, and nothing else", {
  skip_if_not(dir.exists("/proc/self"))
  folder <- withr::local_tempdir()
  part <- \(machine, process) {
    file.path(folder, paste0(".part-", machine, "-", process, "-1f.rds"))
  }
  # No process has a number beyond 2^22.
  parts <- c(part(this_machine(), 2^22 + 1), part(this_machine(), Sys.getpid()), part("other", 7))
  old <- part("other", 8)
  file.create(parts, old)
  Sys.setFileTime(old, Sys.time() - 2 * 86400)
  usable_folder(folder, "cwd")
  expect_setequal(list.files(folder, all.files = TRUE, no.. = TRUE), basename(parts[2:3]))
})

test_that("a process that has ended lives no more, also where nobody asked about it", {
  skip_if_not(dir.exists("/proc/self"))
  expect_true(process_lives(Sys.getpid()))
  expect_false(process_lives(2^22 + 1))
  # The parent of the child that ends at once is a program that does not ask.
  file <- withr::local_tempfile()
  system(paste0("sh -c 'sleep 0.3 & echo $! > ", file, "; exec sleep 20' &"))
  for (i in 1:300) {
    child <- if (file.exists(file)) readLines(file, warn = FALSE)
    if (length(child) && !process_lives(child)) break
    Sys.sleep(0.02)
  }
  skip_if_not(dir.exists(file.path("/proc", child)), "a process that has ended and is listed")
  expect_false(process_lives(child))
})

test_that("names of regions are names of files in every locale, and no note's", {
  labels <- c(
    "chr1:5-9", "a/b", "g\u00e8ne", "\u904a\u4f1d\u5b50", ".mnmash-job", "NUL", "aux.1", "ok-1.2+x"
  )
  right <- c(
    "chr1_5-9", "a_b", "g\u00e8ne", "\u904a\u4f1d\u5b50", "_mnmash-job", "_NUL", "_aux.1",
    "ok-1.2+x"
  )
  expect_identical(enc2utf8(file_label(labels)), right)
  expect_error(file_label(c("I", "i")), "two regions", class = "mnmash_error_names")
  expect_error(file_label(strrep("x", 252)), "too long", class = "mnmash_error_names")
  expect_identical(file_label(strrep("x", 251)), strrep("x", 251))
  skip_on_os("windows")
  skip_if_not(dir.exists(file.path(find.package("mnmash"), "Meta")))
  script <- paste0(
    "x <- mnmash:::file_label(c('g\\303\\250ne', 'II'));",
    "cat(sapply(x, \\(l) paste(charToRaw(l), collapse = '')))"
  )
  withr::local_envvar(
    R_LIBS = paste(c(dirname(find.package("mnmash")), .libPaths()), collapse = ":"), LC_ALL = "C"
  )
  rscript <- file.path(R.home("bin"), "Rscript")
  expect_identical(
    system2(rscript, c("-e", shQuote(script)), stdout = TRUE, stderr = FALSE), "67c3a86e65 4949"
  )
})
