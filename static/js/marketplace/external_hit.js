/* Stands in for the helper script that pages of HTMLQuestions load from Amazon: the same two
   functions, for pages that were written for Mechanical Turk. A classic script, as they expect. */

"use strict";

(() => {
  const parameters = new URLSearchParams(window.location.search);

  window.turkGetParam = (name, otherwise = "") => parameters.get(name) ?? otherwise;

  /* Puts the assignment's id into the form and tells it where to go; in a preview nothing can be sent. */
  window.turkSetAssignmentID = (formName = "mturk_form", fieldName = "assignmentId") => {
    const id = window.turkGetParam("assignmentId");
    const field = document.getElementById(fieldName) ?? document.querySelector(`[name="${CSS.escape(fieldName)}"]`);
    if (field) field.value = id;
    const form = document.getElementById(formName) ?? document.forms[formName];
    const submitTo = window.turkGetParam("turkSubmitTo");
    if (form && submitTo) form.action = `${submitTo.replace(/\/+$/, "")}/mturk/externalSubmit`;
    if (id !== "ASSIGNMENT_ID_NOT_AVAILABLE") return;
    const button = document.getElementById("submitButton") ?? form?.querySelector("[type=submit], button");
    if (button) {
      button.disabled = true;
      const words = "Accept the HIT to hand it in";
      if (button instanceof HTMLInputElement) button.value = words;
      else button.textContent = words;
    }
  };
})();
