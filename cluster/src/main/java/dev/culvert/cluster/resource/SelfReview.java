// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The API server's answer to who is asking: a SelfSubjectReview. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record SelfReview(Metadata metadata, @Nullable Status status) implements KubeObject {
  private static final String NODE_NAME = "authentication.kubernetes.io/node-name";

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Status(@Nullable UserInfo userInfo) {}

  /**
   * The asker.
   *
   * @param extra more about it; a token of a pod names the pod and its node there
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record UserInfo(String username, Map<String, List<String>> extra) {
    public UserInfo {
      username = Absent.text(username);
      extra = Absent.map(extra);
    }
  }

  public String username() {
    return status == null || status.userInfo() == null ? "" : status.userInfo().username();
  }

  /** The node of the pod whose token was shown; null if it names none. */
  public @Nullable String node() {
    UserInfo user = status == null ? null : status.userInfo();
    List<String> names = user == null ? null : user.extra().get(NODE_NAME);
    return names == null || names.isEmpty() ? null : names.getFirst();
  }
}
