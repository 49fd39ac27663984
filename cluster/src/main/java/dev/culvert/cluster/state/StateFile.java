// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.state;

import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * The file that holds the {@link ClusterState}: one line with the checksum of the second, which is
 * the state. A damaged file is set aside, and never used in part.
 */
public final class StateFile {
  private static final EventLog LOG = EventLog.of(StateFile.class);
  private static final int FORMAT = 1;
  private static final long MAX_SIZE = 512L << 20;

  private final Path path;
  private final Replacement replacement;

  /**
   * How a file is replaced as a whole, for its owner alone to read, so that it survives a crash.
   */
  public interface Replacement {
    void replace(Path path, byte[] content) throws IOException;
  }

  private record Head(int format, String sha256) {}

  public StateFile(Path path, Replacement replacement) {
    this.path = path;
    this.replacement = replacement;
  }

  public void write(ClusterState state) throws IOException {
    byte[] body = KubeJson.MAPPER.writeValueAsBytes(state);
    byte[] head = KubeJson.MAPPER.writeValueAsBytes(new Head(FORMAT, sha256(body)));
    byte[] content = Arrays.copyOf(head, head.length + 1 + body.length);
    content[head.length] = '\n';
    System.arraycopy(body, 0, content, head.length + 1, body.length);
    replacement.replace(path, content);
  }

  /**
   * Reads the state.
   *
   * @param clusterUid of this cluster, if it is known: the state of another one is not used
   * @return null if there is none that can be used; the log says why
   */
  public @Nullable ClusterState read(@Nullable String clusterUid) {
    try {
      ClusterState state = read();
      if (clusterUid != null && !clusterUid.equals(state.clusterUid())) {
        LOG.warn(
            LogEvent.STATE_UNUSABLE,
            "{} is the state of another cluster ({}) and is not used",
            path,
            state.clusterUid());
        return null;
      }
      return state;
    } catch (NoSuchFileException e) {
      return null;
    } catch (DamagedException e) {
      setAside(String.valueOf(e.getMessage()));
      return null;
    } catch (JacksonException e) {
      setAside(e.getOriginalMessage());
      return null;
    } catch (IOException e) {
      LOG.warn(
          LogEvent.STATE_UNUSABLE,
          "{} cannot be read, and nothing is known until the API answers: {}",
          path,
          Field.reason(e));
      return null;
    }
  }

  private static final class DamagedException extends Exception {
    private static final long serialVersionUID = 1;

    DamagedException(String message) {
      super(message);
    }
  }

  private ClusterState read() throws IOException, DamagedException {
    if (Files.size(path) > MAX_SIZE) {
      throw new DamagedException("it is larger than " + MAX_SIZE + " bytes");
    }
    byte[] content = Files.readAllBytes(path);
    int end = 0;
    while (end < content.length && content[end] != '\n') {
      end++;
    }
    if (end >= content.length) {
      throw new DamagedException("it has no second line");
    }
    Head head = KubeJson.MAPPER.readValue(content, 0, end, Head.class);
    if (head.format() != FORMAT) {
      throw new DamagedException("it has the unknown format " + head.format());
    }
    byte[] body = Arrays.copyOfRange(content, end + 1, content.length);
    if (!sha256(body).equals(head.sha256())) {
      throw new DamagedException("its checksum does not match");
    }
    ClusterState state = KubeJson.MAPPER.readValue(body, ClusterState.class);
    if (state.clusterUid() == null || state.confirmed() == null) {
      throw new DamagedException("it does not name its cluster");
    }
    return state;
  }

  private void setAside(String reason) {
    Path aside = path.resolveSibling(path.getFileName() + ".damaged");
    try {
      Files.move(path, aside, StandardCopyOption.REPLACE_EXISTING);
      LOG.warn(
          LogEvent.STATE_UNUSABLE,
          "{} is damaged and is now {}: {}",
          path,
          aside.getFileName(),
          Field.reason(reason));
    } catch (IOException e) {
      LOG.warn(
          LogEvent.STATE_UNUSABLE,
          "{} is damaged ({}) and cannot be set aside: {}",
          path,
          Field.reason(reason),
          e.toString());
    }
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
