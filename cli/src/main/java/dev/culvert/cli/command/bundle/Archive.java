// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.cli.command.Failures;
import dev.culvert.daemon.admin.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/**
 * A compressed tar archive of texts, in one folder. A text that cannot be had is named in the
 * manifest, and the others are written all the same.
 */
final class Archive implements AutoCloseable {
  private static final int MODE = 0100600;

  private final TarArchiveOutputStream tar;
  private final String folder;
  private final Instant at;
  private final Scrub scrub;
  private final List<String> parts = new ArrayList<>();
  private final Map<String, String> missing = new LinkedHashMap<>();

  /** Makes a text. */
  @FunctionalInterface
  interface Source {
    String text() throws Exception;
  }

  /** The last entry. */
  private record Manifest(
      List<String> version, String time, List<String> parts, Map<String, String> missing) {}

  /**
   * @param folder the name of the only folder in the archive
   */
  Archive(OutputStream out, String folder, Instant at, Scrub scrub) throws IOException {
    tar = new TarArchiveOutputStream(new GZIPOutputStream(out), UTF_8.name());
    tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
    this.folder = folder;
    this.at = at;
    this.scrub = scrub;
  }

  /**
   * Adds a text, or notes why it cannot be had.
   *
   * @throws IOException if the archive cannot be written
   */
  void gather(String name, Source source) throws IOException {
    String text;
    try {
      text = source.text();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      missing(name, "interrupted");
      return;
    } catch (Exception e) { // The rest of the archive is still of use, whatever failed here.
      missing(name, Failures.message(e));
      return;
    }
    add(name, text);
  }

  /** Adds a text. */
  void add(String name, String text) throws IOException {
    byte[] bytes = scrub.of(text).getBytes(UTF_8);
    TarArchiveEntry entry = new TarArchiveEntry(folder + "/" + name);
    entry.setSize(bytes.length);
    entry.setMode(MODE);
    entry.setModTime(FileTime.from(at));
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
    parts.add(name);
  }

  /** Notes a text that cannot be had. */
  void missing(String name, String reason) {
    missing.put(name, reason.strip());
  }

  /** Texts that could not be had so far, with the reasons. */
  Map<String, String> missing() {
    return missing;
  }

  /**
   * Adds the manifest, which names everything that is in the archive and everything that is not.
   */
  void finish(String... version) throws IOException {
    add(
        "manifest.json",
        Json.pretty(new Manifest(List.of(version), at.toString(), List.copyOf(parts), missing)));
  }

  @Override
  public void close() throws IOException {
    tar.close();
  }
}
