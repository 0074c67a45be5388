/** A field beside a button: one press copies what is in it. */

for (const place of document.querySelectorAll(".copied")) {
  const [field, button, said] = [place.querySelector("input"), place.querySelector("button"), place.querySelector("[role=status]")];
  field.addEventListener("focus", () => field.select());
  if (!navigator.clipboard) continue; // on a page that was not served securely the keyboard has to do
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "Copied.";
    } catch {
      field.select();
    }
  });
}
