// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The metadata of an object.
 *
 * @param uid given by the API server; another object of the same name has another one
 * @param resourceVersion of the object's last change; it can be compared within one kind
 * @param generation of the spec's last change
 * @param creationTimestamp RFC 3339
 * @param deletionTimestamp RFC 3339, or null if the object is not being deleted
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Metadata(
    String name,
    @Nullable String namespace,
    String uid,
    String resourceVersion,
    long generation,
    @Nullable String creationTimestamp,
    @Nullable String deletionTimestamp,
    Map<String, String> labels,
    Map<String, String> annotations,
    List<OwnerReference> ownerReferences) {
  public Metadata {
    name = Absent.text(name);
    uid = Absent.text(uid);
    resourceVersion = Absent.text(resourceVersion);
    labels = Absent.map(labels);
    annotations = Absent.map(annotations);
    ownerReferences = Absent.list(ownerReferences);
  }

  /** The name, unique in the object's kind: {@code NAMESPACE/NAME} if it is in a namespace. */
  public String key() {
    return namespace == null ? name : namespace + "/" + name;
  }
}
