# Do results keep their promise? Observed against promised error rates of mash under priors that are
# known, or learnt in several ways, in designs whose truth is known.
#
#   Rscript bench/calibration.R [designs=plain,missing] [arms=ud,learn_prior] [R=20] [J=4000]
#                               [replicates=4] [first=1] [out=bench/results/calibration.csv]
#
# From the package's root, with the package installed. Without arguments: all designs and arms, in
# 20 conditions (about half an hour). Rows are added to the table `out`, whose summary, a table in
# markdown beside it, is written anew; a replicate that the table has is not repeated. One thread.
library(mnmash)
options(mnmash.threads = 1, mnmash.progress = FALSE)
for (part in c("designs", "arms", "scores")) source(paste0("bench/calibration/", part, ".R"))

given <- strsplit(commandArgs(trailingOnly = TRUE), "=", fixed = TRUE)
given <- stats::setNames(lapply(given, `[`, 2), vapply(given, `[`, "", 1))
choices <- list(
  designs = paste(names(designs), collapse = ","), arms = paste(names(arms), collapse = ","),
  R = "20", J = "4000", replicates = "4", first = "1", out = "bench/results/calibration.csv"
)
stopifnot(all(names(given) %in% names(choices)))
choices[names(given)] <- given
words <- \(x) strsplit(x, ",", fixed = TRUE)[[1]]
stopifnot(words(choices$designs) %in% names(designs), words(choices$arms) %in% names(arms))
J <- as.numeric(choices$J)
replicates <- as.numeric(choices$first) + seq_len(as.numeric(choices$replicates)) - 1

scores <- if (file.exists(choices$out)) utils::read.csv(choices$out)
key <- \(...) paste(..., sep = "/")
for (R in as.numeric(words(choices$R))) {
  for (design in words(choices$designs)) {
    conditions <- if (startsWith(design, "tissues")) 44 else R
    for (replicate in replicates) {
      wanted <- words(choices$arms)
      known <- key(scores$design, scores$R, scores$J, scores$replicate, scores$arm)
      wanted <- wanted[!key(design, conditions, J, replicate, wanted) %in% known]
      if (!length(wanted)) next
      set.seed(conditions * 1e5 + replicate * 100 + match(design, names(designs)))
      d <- designs[[design]](J, R)
      for (arm in wanted) {
        start <- sum(proc.time()[1:2])
        m <- suppressWarnings(suppressMessages(arms[[arm]](d)))
        seconds <- sum(proc.time()[1:2]) - start
        row <- cbind(
          data.frame(design, R = conditions, J, replicate, arm), score(d, m), seconds = seconds
        )
        names(row)[1:5] <- c("design", "R", "J", "replicate", "arm")
        scores <- rbind(scores, row)
        utils::write.csv(scores, choices$out, row.names = FALSE)
      }
    }
    # What is done is kept, should a longer run be ended.
    writeLines(markdown(summarise(scores)), sub("[.]csv$", ".md", choices$out))
  }
}
table <- summarise(scores)
writeLines(markdown(table), sub("[.]csv$", ".md", choices$out))
options(width = 200)
print(cbind(table[1:4], signif(table[-(1:4)], 3)), row.names = FALSE)
